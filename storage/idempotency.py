"""The first answers to requests that carried an ``Idempotency-Key``."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, delete

from storage.records import IdempotencyRecord


def hold(session: Session, project_id: UUID, key: str) -> bool:
    """Hold the key until this unit of work ends; False while another request holds it."""
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    held: bool = session.connection().execute(lock, {"name": f"{project_id}:{key}"}).scalar_one()
    return held


def find(session: Session, project_id: UUID, key: str) -> IdempotencyRecord | None:
    """The answer that was given under the key."""
    return session.get(IdempotencyRecord, (project_id, key))


def keep(session: Session, record: IdempotencyRecord) -> None:
    """Keep an answer for whoever asks again."""
    session.add(record)


def forget_before(session: Session, moment: datetime) -> None:
    """Drop the answers that are older than ``moment``."""
    session.exec(delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) < moment))
