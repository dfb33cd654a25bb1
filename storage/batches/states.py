"""The one place where a batch changes its state."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session, col, func, update

from domain.batches import BatchState
from storage.records import BatchRecord

_OVER: Final = frozenset({BatchState.COMPLETED, BatchState.CANCELED})


def move(
    session: Session,
    batch_id: UUID,
    to: BatchState,
    *,
    among: Collection[BatchState],
    **values: Any,  # noqa: ANN401 - columns
) -> BatchRecord | None:
    """Set a batch to ``to`` if it is in one of the states ``among``: as it is then, else None."""
    statement = (
        update(BatchRecord)
        .where(col(BatchRecord.id) == batch_id, col(BatchRecord.state).in_(among))
        .values(state=to, **values)
        .returning(BatchRecord)
    )
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def reopen(session: Session, batch_id: UUID) -> None:
    """Have a batch that was over run again; what was never read of its file stays unread."""
    read_at = func.coalesce(BatchRecord.read_at, BatchRecord.ended_at)
    move(session, batch_id, BatchState.RUNNING, among=_OVER, reason=None, ended_at=None, read_at=read_at)
