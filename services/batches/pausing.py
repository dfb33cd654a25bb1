"""Pausing a batch: what waits stays where it is, and what was sent goes on."""

from uuid import UUID

from domain.batches import BUDGET_SPENT, LETS_OUT, BatchState
from services.batches.telling import tell
from services.runtime import Runtime
from storage.batches import states
from storage.database import Session
from storage.records import BatchRecord


def pause(runtime: Runtime, session: Session, batch_id: UUID, reason: str) -> BatchRecord | None:
    """Let nothing more of a batch out; None where it lets nothing out anyway. A spent budget is told."""
    batch = states.move(session, batch_id, BatchState.PAUSED, among=LETS_OUT, reason=reason)
    if batch is not None and reason == BUDGET_SPENT:
        tell(runtime, session, batch, "budget.exceeded")
    return batch
