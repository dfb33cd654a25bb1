"""Canceling a batch: what was not sent costs nothing, and the provider is asked to drop what was."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from domain.batches import LETS_OUT, BatchState
from services.batches.controls import done, locked, require, rows
from services.ending import CANCELED
from services.runtime import Runtime
from storage import agenda
from storage.batches import controls, queries, states
from storage.database import DatabaseTrouble

_STOPPABLE: Final = LETS_OUT | {BatchState.PAUSED, BatchState.CANCELING}
_CANCELING: Final = frozenset({BatchState.CANCELING})
_ROWS: Final = 5_000
# So long after it last did something whoever cancels a batch is taken for dead.
_LEASE: Final = timedelta(seconds=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stopped:
    """How many rows were canceled before they were sent, and how many had been sent and are not over."""

    canceled: int
    sent: int


def cancel(runtime: Runtime, *, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """Cancel a batch: it is committed first that it is to stop, so that it does whatever happens then.

    Raises:
        NotFound: the project has no such batch.
        Conflict: it has ended.
    """
    with runtime.database.work() as session:
        require(locked(session, project_id, batch_id), _STOPPABLE, "canceled")
        until = runtime.clock() + _LEASE
        states.move(
            session, batch_id, BatchState.CANCELING, among=_STOPPABLE, reason=None, owner=None, next_at=until
        )
    stopped = go_on(runtime, batch_id)
    with runtime.database.work() as session:
        batch = locked(session, project_id, batch_id)
        effect = "requested" if stopped.sent else "canceled"
        return done(runtime, session, batch, effect, _words(stopped))


def sweep(runtime: Runtime) -> None:
    """Go on with what others have left unfinished."""
    now = runtime.clock()
    with runtime.database.work() as session:
        left = queries.take_canceling(session, now=now, until=now + _LEASE)
    for batch_id in left:
        try:
            go_on(runtime, batch_id)
        except DatabaseTrouble:
            log.exception("batch_not_canceled", batch_id=str(batch_id))


def go_on(runtime: Runtime, batch_id: UUID) -> Stopped:
    """Stop what is left of a batch that is being canceled; again, it changes nothing."""
    canceled = 0
    while True:
        with runtime.database.work() as session:
            sent = controls.want_canceled(session, batch_id, runtime.clock())
            agenda.wake(session)
        canceled += _cancel_queued(runtime, batch_id)
        with runtime.database.work() as session:
            # What was just being let out, or sent, may have come by.
            if not controls.any_left(session, batch_id):
                states.move(session, batch_id, BatchState.CANCELING, among=_CANCELING, next_at=None)
                agenda.wake(session)
                return Stopped(canceled, sent)


def _cancel_queued(runtime: Runtime, batch_id: UUID) -> int:
    canceled = 0
    last: int | None = -1
    while last is not None:
        now = runtime.clock()
        with runtime.database.work() as session:
            states.move(session, batch_id, BatchState.CANCELING, among=_CANCELING, next_at=now + _LEASE)
            step = controls.cancel_queued(
                session, batch_id, after=last, most=_ROWS, error=CANCELED.as_json(), now=now
            )
        canceled += step.many
        last = step.last
    return canceled


def _words(stopped: Stopped) -> str:
    free = f"{rows(stopped.canceled)} had not been sent: canceled, at no cost"
    if not stopped.sent:
        return free
    return (
        f"{free}. {rows(stopped.sent)} had been sent: the provider is asked to drop them, and what it has "
        "begun may still finish and be billed"
    )
