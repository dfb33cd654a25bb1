"""When the processes that own time were last alive."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.records import HeartbeatRecord


def last_beat(session: Session, kind: str) -> datetime | None:
    """The newest beat of any process whose name begins with ``kind``; None where there never was one."""
    found = select(func.max(HeartbeatRecord.at)).where(col(HeartbeatRecord.process).startswith(kind))
    return session.exec(found).one()
