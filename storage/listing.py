"""Pages of jobs and of deliveries, the newest first, and which of many jobs have ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from domain.lifecycle import ENDED
from storage.records import DeliveryRecord, DeliveryTryRecord, EventRecord, JobRecord


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is None or empty does not matter.

    The times are compared with when a job was accepted, neither end included.
    """

    status: str | None = None
    kind: str | None = None
    model: str | None = None
    provider: str | None = None
    batch_id: UUID | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Up to ``size`` rows whose ids are below ``below``; ids grow with time, so this pages backwards."""

    size: int
    below: UUID | None = None


def jobs_page(session: Session, project_id: UUID, wanted: JobFilter, page: Page) -> Sequence[JobRecord]:
    """One page of a project's jobs; the work does not grow with what lies before it."""
    conditions = [col(JobRecord.project_id) == project_id, *_conditions(wanted)]
    if page.below is not None:
        conditions.append(col(JobRecord.id) < page.below)
    found = select(JobRecord).where(*conditions).order_by(col(JobRecord.id).desc()).limit(page.size)
    return session.exec(found).all()


def ended_among(session: Session, job_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Those of the jobs that have ended."""
    found = select(JobRecord.id).where(col(JobRecord.id).in_(job_ids), col(JobRecord.status).in_(ENDED))
    return session.exec(found).all()


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are wanted; what is None does not matter."""

    job_id: UUID | None = None
    batch_id: UUID | None = None
    endpoint_id: UUID | None = None
    event_type: str | None = None
    status: str | None = None


def deliveries_page(
    session: Session, project_id: UUID, wanted: DeliveryFilter, page: Page
) -> Sequence[tuple[DeliveryRecord, EventRecord]]:
    """One page of a project's deliveries with the event that each one tells."""
    conditions = [col(DeliveryRecord.project_id) == project_id]
    exact = (
        (col(EventRecord.job_id), wanted.job_id),
        (col(EventRecord.batch_id), wanted.batch_id),
        (col(EventRecord.type), wanted.event_type),
        (col(DeliveryRecord.endpoint_id), wanted.endpoint_id),
        (col(DeliveryRecord.status), wanted.status),
    )
    conditions += [column == value for column, value in exact if value is not None]
    if page.below is not None:
        conditions.append(col(DeliveryRecord.id) < page.below)
    found = (
        select(DeliveryRecord, EventRecord)
        .join(EventRecord, col(EventRecord.id) == col(DeliveryRecord.event_id))
        .where(*conditions)
        .order_by(col(DeliveryRecord.id).desc())
        .limit(page.size)
    )
    return session.exec(found).all()


def delivery(
    session: Session, project_id: UUID, delivery_id: UUID
) -> tuple[DeliveryRecord, EventRecord] | None:
    """A project's own delivery with the event that it tells; another project's is None."""
    found = (
        select(DeliveryRecord, EventRecord)
        .join(EventRecord, col(EventRecord.id) == col(DeliveryRecord.event_id))
        .where(DeliveryRecord.id == delivery_id, DeliveryRecord.project_id == project_id)
    )
    return session.exec(found).one_or_none()


def tries_among(session: Session, delivery_ids: Sequence[UUID]) -> Sequence[DeliveryTryRecord]:
    """Every try of the deliveries, each delivery's in order."""
    found = select(DeliveryTryRecord).where(col(DeliveryTryRecord.delivery_id).in_(delivery_ids))
    return session.exec(found.order_by(col(DeliveryTryRecord.number))).all()


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    exact = {
        "status": wanted.status,
        "kind": wanted.kind,
        "model": wanted.model,
        "provider": wanted.provider,
        "batch_id": wanted.batch_id,
    }
    conditions = [getattr(JobRecord, name) == value for name, value in exact.items() if value is not None]
    if wanted.tags:
        conditions.append(col(JobRecord.tags).contains(dict(wanted.tags)))
    if wanted.created_after is not None:
        conditions.append(col(JobRecord.created_at) > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(col(JobRecord.created_at) < wanted.created_before)
    return conditions
