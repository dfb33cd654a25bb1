"""Events for customers and their deliveries: written with the move that caused them, claimed when due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, update

from storage.records import DeliveryRecord, EventRecord

_CLAIM: Final = text(
    """
    UPDATE deliveries SET next_at = :until, owner = :owner
    WHERE id IN (
        SELECT id FROM deliveries
        WHERE status = 'pending' AND next_at <= :now
        ORDER BY next_at LIMIT :most
        FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)


def add_event(session: Session, event: EventRecord) -> None:
    """Write down what happened to a job or a batch, exactly as it will be signed."""
    session.add(event)


def add_delivery(session: Session, *, event_id: UUID, project_id: UUID, url: str, at: datetime) -> None:
    """Have an event told to ``url``, for the first time at ``at``."""
    session.flush()
    session.add(
        DeliveryRecord(
            event_id=event_id, project_id=project_id, url=url, status="pending", next_at=at, created_at=at
        )
    )


def claim_deliveries(
    session: Session, *, owner: str, now: datetime, lease: timedelta, most: int
) -> Sequence[UUID]:
    """Take up to ``most`` deliveries whose next try is due."""
    rows = session.connection().execute(
        _CLAIM, {"until": now + lease, "owner": owner, "now": now, "most": most}
    )
    return [row.id for row in rows]


def put_off(session: Session, delivery_ids: Sequence[UUID], *, owner: str, until: datetime) -> None:
    """Give claimed deliveries back until ``until``."""
    mine = col(DeliveryRecord.id).in_(delivery_ids) & (col(DeliveryRecord.owner) == owner)
    session.exec(update(DeliveryRecord).where(mine).values(owner=None, next_at=until))
