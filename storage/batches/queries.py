"""Batches written down and read back: one, a page of them, and by the key under which each was asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from domain.lifecycle import JobStatus
from storage.listing import Page
from storage.records import AgendaRecord, BatchRecord

_TAKE_CANCELING: Final = text(
    """
    UPDATE batches SET next_at = :until
    WHERE id IN (
        SELECT id FROM batches WHERE state = 'canceling' AND next_at <= :now ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)


def batch_of_project(session: Session, project_id: UUID, batch_id: UUID) -> BatchRecord | None:
    """The batch, if it is the project's."""
    found = select(BatchRecord).where(BatchRecord.id == batch_id, BatchRecord.project_id == project_id)
    return session.exec(found).one_or_none()


def open_with_budget(session: Session, project_id: UUID) -> Sequence[BatchRecord]:
    """A project's batches that are not over and have a budget of their own, the oldest first."""
    found = select(BatchRecord).where(
        BatchRecord.project_id == project_id,
        col(BatchRecord.ended_at).is_(None),
        col(BatchRecord.budget_nano).is_not(None),
    )
    return session.exec(found.order_by(col(BatchRecord.id))).all()


def lock_batch(session: Session, project_id: UUID, batch_id: UUID) -> BatchRecord | None:
    """The batch, if it is the project's, held until the unit of work ends; its jobs can be added to."""
    found = select(BatchRecord).where(BatchRecord.id == batch_id, BatchRecord.project_id == project_id)
    return session.exec(found.with_for_update(key_share=True)).one_or_none()


def add(session: Session, batch: BatchRecord) -> bool:
    """Write a batch down; False where its project has used its key for another."""
    statement = insert(BatchRecord).values(batch.model_dump()).on_conflict_do_nothing()
    return session.execute(statement.returning(col(BatchRecord.id))).one_or_none() is not None


def take_canceling(session: Session, *, now: datetime, until: datetime) -> list[UUID]:
    """The batches whose canceling somebody left unfinished, taken until then."""
    rows = session.connection().execute(_TAKE_CANCELING, {"now": now, "until": until})
    return [row.id for row in rows]


def on_agenda(session: Session, batch_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many rows of each batch were let out and not sent yet; they are few at any time."""
    found = (
        select(AgendaRecord.batch_id, func.count())
        .where(col(AgendaRecord.batch_id).in_(batch_ids), AgendaRecord.status == JobStatus.QUEUED)
        .group_by(col(AgendaRecord.batch_id))
    )
    return {batch_id: many for batch_id, many in session.exec(found) if batch_id is not None}


def batch_by_key(session: Session, project_id: UUID, key: str) -> BatchRecord | None:
    """The batch that the project asked for under this ``Idempotency-Key``."""
    found = select(BatchRecord).where(
        BatchRecord.project_id == project_id, BatchRecord.idempotency_key == key
    )
    return session.exec(found).one_or_none()


def batches_page(session: Session, project_id: UUID, state: str | None, page: Page) -> Sequence[BatchRecord]:
    """One page of a project's batches, the newest first."""
    conditions = [col(BatchRecord.project_id) == project_id]
    if state is not None:
        conditions.append(col(BatchRecord.state) == state)
    if page.below is not None:
        conditions.append(col(BatchRecord.id) < page.below)
    found = select(BatchRecord).where(*conditions).order_by(col(BatchRecord.id).desc()).limit(page.size)
    return session.exec(found).all()
