"""What a customer can do to a batch on its way: pause it, resume it, and change its budget and its name."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from domain.batches import BUDGET_SPENT, LETS_OUT, ON_REQUEST, BatchState
from domain.money import format_usd
from services.batches.pausing import pause as pause_batch
from services.batches.views import batch_view, no_batch
from services.refusals import Conflict, Unprocessable
from services.runtime import Runtime
from storage import agenda
from storage.batches import queries, states, tallies
from storage.database import Session
from storage.records import BatchRecord

_PAUSED: Final = frozenset({BatchState.PAUSED})


def pause(runtime: Runtime, *, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """Let nothing more of a batch out; what was let out goes on.

    Raises:
        NotFound: the project has no such batch.
        Conflict: it is not reading or running.
    """
    with runtime.database.work() as session:
        batch = locked(session, project_id, batch_id)
        require(batch, LETS_OUT, "paused")
        paused = pause_batch(runtime, session, batch_id, ON_REQUEST) or batch
        jobs = batch_view(runtime, session, paused)["counts"]
        on_the_way = sum(jobs[state] for state in ("queued", "submitting", "running", "storing"))
        said = f"nothing more is let out; {rows(on_the_way)} on the way go on to their end"
        return done(runtime, session, paused, "paused", said if on_the_way else "nothing more is let out")


def resume(
    runtime: Runtime, *, project_id: UUID, batch_id: UUID, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Let a paused batch go on, with ``changes`` to its ``budget_nano`` where that is what stopped it.

    Raises:
        NotFound: the project has no such batch.
        Conflict: it is not paused, or its budget is still spent.
        Unprocessable: the new budget is spent already.
    """
    with runtime.database.work() as session:
        batch = locked(session, project_id, batch_id)
        require(batch, _PAUSED, "resumed")
        if not changes and batch.reason == BUDGET_SPENT:
            raise Conflict(
                "the budget does not cover the next row: give a larger budget_usd, or null for none",
                code="budget_spent",
                status=batch.state,
            )
        batch = _apply(session, batch, changes or {})
        _refuse_spent(session, batch)
        return done(runtime, session, _go_on(session, batch), "resumed", "its rows are let out again")


def change(runtime: Runtime, *, project_id: UUID, batch_id: UUID, changes: dict[str, Any]) -> dict[str, Any]:
    """Set a batch's ``name`` or its ``budget_nano``; a budget that covers more lets the batch go on.

    Raises:
        NotFound: the project has no such batch.
        Unprocessable: its budget stopped it, and the new one is spent already.
    """
    with runtime.database.work() as session:
        batch = _apply(session, locked(session, project_id, batch_id), changes)
        waits_for_money = batch.state == BatchState.PAUSED and batch.reason == BUDGET_SPENT
        if not waits_for_money or "budget_nano" not in changes:
            return done(runtime, session, batch, "changed", f"changed: {_named(changes)}")
        _refuse_spent(session, batch)
        said = "its budget was changed, and its rows are let out again"
        return done(runtime, session, _go_on(session, batch), "resumed", said)


def locked(session: Session, project_id: UUID, batch_id: UUID) -> BatchRecord:
    """The project's batch, held until the unit of work ends; raises NotFound."""
    batch = queries.lock_batch(session, project_id, batch_id)
    if batch is None:
        raise no_batch(batch_id)
    return batch


def require(batch: BatchRecord, among: Collection[BatchState], what: str) -> None:
    """Raise Conflict where a batch is in none of the states ``among``, in which it can be ``what``."""
    if batch.state in among:
        return
    states_ = " or ".join(sorted(state.value for state in among))
    raise Conflict(
        f"only a batch that is {states_} can be {what}; this one is {batch.state}",
        code="wrong_state",
        status=batch.state,
    )


def done(runtime: Runtime, session: Session, batch: BatchRecord, effect: str, message: str) -> dict[str, Any]:
    """A batch with what was just done to it."""
    return batch_view(runtime, session, batch) | {"done": {"effect": effect, "message": message}}


def rows(many: int) -> str:
    """So many rows, in words."""
    return "1 row" if many == 1 else f"{many:,} rows"


def _apply(session: Session, batch: BatchRecord, changes: dict[str, Any]) -> BatchRecord:
    for name, value in changes.items():
        setattr(batch, name, value)
    session.flush()
    return batch


def _refuse_spent(session: Session, batch: BatchRecord) -> None:
    committed = tallies.counts(session, [batch.id])[batch.id].committed_nano
    if batch.budget_nano is not None and batch.budget_nano <= committed:
        raise Unprocessable(
            f"budget_usd must be more than the {format_usd(committed)} USD that are spent or held already",
            field="budget_usd",
        )


def _go_on(session: Session, batch: BatchRecord) -> BatchRecord:
    to = BatchState.READING if batch.read_at is None else BatchState.RUNNING
    agenda.wake(session)
    return states.move(session, batch.id, to, among=_PAUSED, reason=None) or batch


def _named(changes: dict[str, Any]) -> str:
    called = {"budget_nano": "budget_usd"}
    return ", ".join(called.get(name, name) for name in changes) or "nothing"
