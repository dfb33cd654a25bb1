"""Deliveries of events to single addresses, written with the move that caused them."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from storage.records import DeliveryRecord


def add_delivery(session: Session, *, event_id: UUID, project_id: UUID, url: str, at: datetime) -> None:
    """Have an event told to ``url``, for the first time at ``at``."""
    session.flush()
    session.add(
        DeliveryRecord(
            event_id=event_id, project_id=project_id, url=url, status="pending", next_at=at, created_at=at
        )
    )
