"""The end of a batch: once it is read and each of its jobs is over, told once."""

from typing import Final
from uuid import UUID

import structlog

from domain.batches import BatchState, Counts
from services.batches.telling import tell
from services.runtime import Runtime
from storage.batches import ends, states, tallies
from storage.database import DatabaseTrouble, Session

_GOING: Final = frozenset({BatchState.READING, BatchState.RUNNING, BatchState.PAUSED, BatchState.CANCELING})

log = structlog.get_logger(__name__)


def sweep(runtime: Runtime) -> None:
    """Sum up what has happened to the batches, and end those with nothing left to happen."""
    with runtime.database.work() as session:
        tallies.sum_up(session)
        left = ends.maybe_over(session)
        counts = tallies.counts(session, left)
    for batch_id in left:
        if counts[batch_id].over == counts[batch_id].total:
            _end(runtime, batch_id)


def _end(runtime: Runtime, batch_id: UUID) -> None:
    """One batch in a unit of work of its own, so that a fault with it does not keep the others going."""
    try:
        with runtime.database.work() as session:
            _complete(runtime, session, batch_id)
    except DatabaseTrouble:
        log.exception("batch_not_ended", batch_id=str(batch_id))


def _complete(runtime: Runtime, session: Session, batch_id: UUID) -> None:
    over = {"ended_at": runtime.clock(), "next_at": None}
    if not ends.still_quiet(session, batch_id):
        return
    batch = states.move(
        session, batch_id, BatchState.CANCELED, among={BatchState.CANCELING}, **over
    ) or states.move(session, batch_id, BatchState.COMPLETED, among=_GOING, reason=None, **over)
    if batch is None:
        return
    counts: Counts = tallies.counts(session, [batch_id])[batch_id]
    log.info("batch_ended", batch_id=str(batch_id), state=batch.state, jobs=counts.total)
    tell(runtime, session, batch, "batch.completed")
