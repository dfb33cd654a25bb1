"""Keeping to budgets: what is held for another try, what a refusal says, and what customers are told."""

import json
from decimal import Decimal
from typing import Any

from domain.budgets import BudgetExceeded, Exceeded, Period, Standing, Wanted
from domain.money import format_usd
from services.refusals import OverBudget
from services.runtime import Runtime
from services.views import budget_identity, money, timestamp
from storage import budgets, ledger
from storage.database import Session
from storage.records import EventRecord, JobRecord

_PER_MILLE = 1000


def hold_again(session: Session, job: JobRecord, more: int | None, *, runtime: Runtime) -> None:
    """Hold what another try of a job may cost, None where that is not known; it counts from now on.

    Raises:
        BudgetExceeded: a budget does not cover it.
    """
    at = runtime.clock()
    wanted = Wanted(
        job.project_id,
        job.tags,
        at,
        more or 0,
        known=more is not None,
        moved=job.reserved_nano,
        since=job.budgeted_at or job.created_at,
    )
    refusal = budgets.hold(session, [job.project_id], at).take(wanted)
    if refusal is not None:
        raise BudgetExceeded(refusal)
    move(session, job, runtime=runtime)
    if more:
        ledger.reserve(session, job, more, at)
        job.reserved_nano += more


def move(session: Session, job: JobRecord, *, runtime: Runtime) -> None:
    """Have a job count from now on: what it holds from an earlier day is held today instead."""
    at, kept = runtime.clock(), job.reserved_nano
    moves = kept and Period.DAY.start(job.budgeted_at or job.created_at) != Period.DAY.start(at)
    if moves:
        ledger.release(session, job, kept, at)
        # The database counts an entry in the period that the job has when it is written.
        session.flush()
    job.budgeted_at = at
    session.flush()
    if moves:
        ledger.reserve(session, job, kept, at)


def refused(runtime: Runtime, exceeded: Exceeded) -> OverBudget:
    """The refusal that a customer is answered; the first in a period is told as an event, too."""
    if exceeded.standing.is_to_be_told:
        with runtime.database.work() as session:
            tell_exceeded(runtime, session, exceeded)
    standing = exceeded.standing
    left, limit = format_usd(standing.left_nano), format_usd(standing.budget.limit_nano)
    until = timestamp(standing.renews_at)
    then = "raise it" if until is None else f"raise it, or wait until it renews at {until}"
    nano = exceeded.may_cost_nano
    costs = "a price that is not known before" if nano is None else f"up to {format_usd(nano)} USD"
    return OverBudget(
        f"the budget of {_whose(standing)} has {left} of {limit} USD left; the job may cost {costs}: {then}",
        budget=budget_identity(standing),
        limit=money(standing.budget.limit_nano),
        left=money(standing.left_nano),
        may_cost=money(nano),
        renews_at=until,
    )


def tell_exceeded(runtime: Runtime, session: Session, exceeded: Exceeded) -> None:
    """Write the event of a budget that refuses, once in a period."""
    more = {"may_cost": money(exceeded.may_cost_nano)}
    _tell(runtime, session, exceeded.standing, "exceeded_in", "budget.exceeded", more)


def sweep(runtime: Runtime) -> None:
    """Sum up what was booked, finish counting budgets whose maker has died, and warn where it is time."""
    with runtime.database.work() as session:
        budgets.sum_up(session)
        left = budgets.uncounted(session)
        for one in budgets.standings(session, budgets.may_warn(session, runtime.clock()), runtime.clock()):
            if _is_to_warn(one):
                _tell(runtime, session, one, "warned_in", "budget.warning", {})
    for budget_id in left:
        with runtime.database.work() as session:
            budgets.count(session, budget_id)


def budget_view(standing: Standing) -> dict[str, Any]:
    """A budget as the API and its events show it."""
    budget = standing.budget
    warn = budget.warn_permille
    return budget_identity(standing) | {
        "object": "budget",
        "batch_id": None,
        "limit": money(budget.limit_nano),
        "held": money(standing.held_nano),
        "spent": money(standing.spent_nano),
        "left": money(standing.left_nano),
        "renews_at": timestamp(standing.renews_at),
        "warn_at": None if warn is None else format(Decimal(warn).scaleb(-3).normalize(), "f"),
        "created_at": timestamp(budget.created_at),
    }


def _whose(standing: Standing) -> str:
    budget = standing.budget
    who = "the project" if budget.tag is None else f"the tag {budget.tag[0]}={budget.tag[1]}"
    return f"{who} {'in total' if budget.period is Period.TOTAL else f'for the {budget.period}'}"


def _is_to_warn(one: Standing) -> bool:
    budget = one.budget
    if budget.warn_permille is None or one.warned_in == one.start:
        return False
    return (one.held_nano + one.spent_nano) * _PER_MILLE >= budget.limit_nano * budget.warn_permille


def _tell(
    runtime: Runtime, session: Session, standing: Standing, once: str, type_: str, more: dict[str, Any]
) -> None:
    if not budgets.first_told(session, standing.budget.id, standing.start, once):
        return
    at = runtime.clock()
    data = budget_view(standing) | more
    body = json.dumps({"type": type_, "timestamp": timestamp(at), "data": data}, ensure_ascii=False)
    session.add(EventRecord(project_id=standing.budget.project_id, type=type_, body=body, created_at=at))
