"""Queries over the endpoints of projects: what they are, how they do, and what waits for them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from storage.records import DeliveryRecord, EndpointRecord


def of_project(session: Session, project_id: UUID) -> Sequence[EndpointRecord]:
    """The endpoints of a project, the oldest first."""
    found = select(EndpointRecord).where(
        EndpointRecord.project_id == project_id, col(EndpointRecord.deleted_at).is_(None)
    )
    return session.exec(found.order_by(col(EndpointRecord.id))).all()


def count(session: Session, project_id: UUID) -> int:
    """How many endpoints a project has."""
    found = select(func.count()).where(
        col(EndpointRecord.project_id) == project_id, col(EndpointRecord.deleted_at).is_(None)
    )
    return session.exec(found).one()


def one_of_project(
    session: Session, project_id: UUID, endpoint_id: UUID, *, lock: bool = False
) -> EndpointRecord | None:
    """A project's own endpoint, held until the unit of work ends if asked; another project's is None."""
    found = select(EndpointRecord).where(
        EndpointRecord.id == endpoint_id,
        EndpointRecord.project_id == project_id,
        col(EndpointRecord.deleted_at).is_(None),
    )
    return session.exec(found.with_for_update() if lock else found).one_or_none()


def lock(session: Session, endpoint_ids: Sequence[UUID]) -> Sequence[EndpointRecord]:
    """Endpoints, held until the unit of work ends; in one order, so that nobody waits for each other."""
    found = select(EndpointRecord).where(col(EndpointRecord.id).in_(endpoint_ids))
    return session.exec(found.order_by(col(EndpointRecord.id)).with_for_update()).all()


def succeeded(session: Session, endpoint_ids: Sequence[UUID]) -> None:
    """Endpoints take callbacks again; writes nothing where they never ceased to."""
    failing = col(EndpointRecord.id).in_(endpoint_ids) & col(EndpointRecord.failing_since).is_not(None)
    session.exec(update(EndpointRecord).where(failing).values(failing_since=None))


def give_up_pending(session: Session, endpoint_id: UUID, at: datetime) -> None:
    """End what waits for an endpoint that is tried no more; each can be sent again by hand."""
    waiting = (col(DeliveryRecord.endpoint_id) == endpoint_id) & (col(DeliveryRecord.status) == "pending")
    ended = update(DeliveryRecord).where(waiting)
    session.exec(ended.values(status="failed", owner=None, next_at=None, ended_at=at))


def move_pending(session: Session, endpoint_id: UUID, url: str) -> None:
    """Have what waits for an endpoint go to its new address, whose host has turns of its own."""
    waiting = (col(DeliveryRecord.endpoint_id) == endpoint_id) & (col(DeliveryRecord.status) == "pending")
    session.exec(update(DeliveryRecord).where(waiting).values(url=url, held=False))
