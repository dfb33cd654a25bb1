"""The one place where a batch changes its state."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, update

from domain.batches import BatchState
from storage.records import BatchRecord


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
