"""Signs of life: the beats of the processes that own time."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from storage.database import Database
from storage.records import HeartbeatRecord


def beat(database: Database, process: str, at: datetime) -> None:
    """Note that ``process`` is alive."""
    statement = insert(HeartbeatRecord).values(process=process, at=at)
    with database.work() as session:
        session.execute(statement.on_conflict_do_update(index_elements=["process"], set_={"at": at}))


def last_beat(database: Database, process: str) -> datetime | None:
    """When ``process`` was last alive; None when it never was."""
    with database.work() as session:
        return session.exec(
            select(HeartbeatRecord.at).where(HeartbeatRecord.process == process)
        ).one_or_none()
