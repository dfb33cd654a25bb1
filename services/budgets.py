"""Budgets of a project as customers set them: listed, made, changed and removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.batches import Counts
from domain.budgets import Period, Scope
from services.batches import controls
from services.refusals import NotFound
from services.runtime import Runtime
from services.spending import budget_view
from services.views import money, timestamp
from storage import agenda, budgets
from storage.batches import queries, tallies
from storage.database import Session
from storage.records import BatchRecord, BudgetRecord


@dataclass(frozen=True, slots=True)
class NewBudget:
    """What a budget is to be; ``tag`` None means the whole project. See ``domain.budgets.Budget``."""

    project_id: UUID
    tag: tuple[str, str] | None
    period: Period
    limit_nano: int
    warn_permille: int | None = None


def listed(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """The budgets of a project as they stand, the oldest first; then those of its open batches."""
    now = runtime.clock()
    with runtime.database.work() as session:
        data = [budget_view(one) for one in budgets.standings(session, [project_id], now)]
        data += _of_batches(session, queries.open_with_budget(session, project_id))
    return {"object": "list", "data": data}


def put(runtime: Runtime, wanted: NewBudget) -> dict[str, Any]:
    """Make a budget, or change the one for the same jobs and period; it holds once this returns.

    What was booked in the running period before counts. A limit below that admits nothing more and stops
    nothing that runs.
    """
    record = _record(runtime, wanted)
    with runtime.database.work() as session:
        budgets.alone(session)
        found = budgets.same(session, record)
        if found is None:
            budgets.add(session, record)
        else:
            found.limit_nano, found.warn_permille = record.limit_nano, record.warn_permille
            # What was told, was told of another limit.
            found.exceeded_in = found.warned_in = None
            record = found
        agenda.wake(session)
    with runtime.database.work() as session:
        budgets.count(session, record.id)
    return _shown(runtime, wanted.project_id, record.id)


def put_of_batch(runtime: Runtime, project_id: UUID, batch_id: UUID, limit_nano: int) -> dict[str, Any]:
    """Set what a batch may cost; raises NotFound, and Unprocessable where that is spent already."""
    controls.change(runtime, project_id=project_id, batch_id=batch_id, changes={"budget_nano": limit_nano})
    with runtime.database.work() as session:
        return _of_batches(session, [controls.locked(session, project_id, batch_id)])[0]


def remove(runtime: Runtime, project_id: UUID, budget_id: UUID) -> None:
    """Refuse nothing for a budget any more, or for a batch's own, by the batch's id; raises NotFound."""
    with runtime.database.work() as session:
        budgets.alone(session)
        found = budgets.one_of_project(session, project_id, budget_id)
        if found is not None:
            budgets.delete(session, found)
            agenda.wake(session)
            return
        batch = queries.batch_of_project(session, project_id, budget_id)
    if batch is None or batch.budget_nano is None:
        raise NotFound(f"there is no budget {budget_id} in this project")
    controls.change(runtime, project_id=project_id, batch_id=budget_id, changes={"budget_nano": None})


def _record(runtime: Runtime, wanted: NewBudget) -> BudgetRecord:
    name, value = wanted.tag or ("", "")
    return BudgetRecord(
        project_id=wanted.project_id,
        scope=Scope.PROJECT if wanted.tag is None else Scope.TAG,
        tag_name=name,
        tag_value=value,
        period=wanted.period,
        limit_nano=wanted.limit_nano,
        warn_permille=wanted.warn_permille,
        after_entry=0,
        created_at=runtime.clock(),
    )


def _shown(runtime: Runtime, project_id: UUID, budget_id: UUID) -> dict[str, Any]:
    with runtime.database.work() as session:
        standings = budgets.standings(session, [project_id], runtime.clock())
    found = [one for one in standings if one.budget.id == budget_id]
    if not found:
        raise NotFound("somebody else has removed this budget just now")
    return budget_view(found[0])


def _of_batches(session: Session, batches: Sequence[BatchRecord]) -> list[dict[str, Any]]:
    counts = tallies.counts(session, [one.id for one in batches])
    return [_batch_view(one, counts[one.id]) for one in batches]


def _batch_view(batch: BatchRecord, counts: Counts) -> dict[str, Any]:
    limit = batch.budget_nano or 0
    return {
        "id": str(batch.id),
        "object": "budget",
        "scope": "batch",
        "tag": None,
        "batch_id": str(batch.id),
        "period": Period.TOTAL.value,
        "limit": money(limit),
        "held": money(counts.held_nano),
        "spent": money(counts.spent_nano),
        "left": money(max(limit - counts.committed_nano, 0)),
        "renews_at": None,
        "warn_at": None,
        "created_at": timestamp(batch.created_at),
    }
