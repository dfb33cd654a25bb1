"""The first answers to requests that carried an ``Idempotency-Key``."""

from datetime import datetime

from sqlmodel import Session, col, delete

from storage.records import IdempotencyRecord


def forget_before(session: Session, moment: datetime) -> None:
    """Drop the answers that are older than ``moment``."""
    session.exec(delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) < moment))
