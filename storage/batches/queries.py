"""Batches read back: one, a page of them, and by the key under which they were asked for."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlmodel import Session, col, select

from storage.listing import Page
from storage.records import BatchRecord, UnitPriceRecord


def batch_of_project(session: Session, project_id: UUID, batch_id: UUID) -> BatchRecord | None:
    """The batch, if it is the project's."""
    found = select(BatchRecord).where(BatchRecord.id == batch_id, BatchRecord.project_id == project_id)
    return session.exec(found).one_or_none()


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


def unit_prices(session: Session) -> dict[tuple[str, str], Decimal]:
    """What a unit cost when each provider last said so, in dollars, by provider and endpoint."""
    return {(one.provider, one.endpoint): one.usd for one in session.exec(select(UnitPriceRecord))}
