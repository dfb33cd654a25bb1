"""Budgets at the entrance: what fits is admitted, across processes, and every entry is counted once."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.budgets import BudgetExceeded, Period, Standing
from services.budgets import NewBudget, put
from services.spending import sweep
from storage import budgets, intake, ledger
from storage.database import DatabaseUnavailable
from storage.entrance import Entrance
from storage.intake import Answer, NewJob
from storage.urls import for_asyncpg
from tests.support.engine import Engine
from tests.support.holding import project_held
from tests.support.rows import NOON, a_job, an_attempt, keep

Outcome = bool | BaseException


def limit(engine: Engine, nano: int, period: Period = Period.DAY, **more: Any) -> str:  # noqa: ANN401
    """A budget of the engine's project, or of one tag."""
    made = put(engine.runtime, NewBudget(engine.project_id, more.pop("tag", None), period, nano, **more))
    return str(made["id"])


def new(engine: Engine, nano: int = 10, **fields: Any) -> NewJob:  # noqa: ANN401
    """A job that may cost ``nano``."""
    defaults: dict[str, Any] = {
        "project_id": engine.project_id,
        "kind": "image",
        "model": "pair",
        "input": {"prompt": "a red kite"},
        "routing": {},
        "plan": [{"high_nano": nano}],
        "provider": "linkmodel",
        "endpoint": "pair-a",
        "said": {},
        "created_at": engine.clock(),
        "reserved_nano": nano or 0,
    }
    return NewJob(**(defaults | fields))


def bring(engine: Engine, jobs: Sequence[NewJob], answers: Sequence[Answer | None] = ()) -> list[Outcome]:
    """What becomes of jobs that come to one process at once."""

    async def take() -> list[Outcome]:
        async with Entrance.opened(engine.runtime.database.url) as entrance:
            pairs = zip(jobs, answers or [None] * len(jobs), strict=True)
            return await asyncio.gather(*(entrance.take(*one) for one in pairs), return_exceptions=True)

    return asyncio.run(take())


def standing(engine: Engine) -> Standing:
    """The project's only budget."""
    with engine.runtime.database.work() as session:
        [one] = budgets.standings(session, [engine.project_id], engine.clock())
    return one


def used(engine: Engine) -> tuple[int, int]:
    """What its only budget holds and has spent."""
    one = standing(engine)
    return one.held_nano, one.spent_nano


def test_as_many_are_admitted_as_fit_and_not_one_more(engine: Engine) -> None:
    limit(engine, 55)
    outcomes = bring(engine, [new(engine) for _ in range(12)])
    assert outcomes[:5] == [True] * 5
    assert {type(one) for one in outcomes[5:]} == {BudgetExceeded}
    assert (used(engine), standing(engine).left_nano) == ((50, 0), 5)


def test_many_processes_at_once_never_go_beyond_the_limit(engine: Engine) -> None:
    limit(engine, 1000)
    found: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: found.extend(bring(engine, [new(engine) for _ in range(100)])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found.count(True), len(found)) == (100, 400)
    assert used(engine) == engine.held_and_spent() == (1000, 0)


def test_a_process_that_is_cut_off_while_it_admits_has_taken_nothing(engine: Engine) -> None:
    limit(engine, 20)

    async def cut() -> list[Outcome]:
        async with Entrance.opened(engine.runtime.database.url) as entrance:
            # From here on it knows that the project has budgets.
            await entrance.take(new(engine))
            with project_held(engine.runtime) as held:
                asked = asyncio.ensure_future(entrance.take(new(engine)))
                await asyncio.to_thread(held.wait_for_a_commit)
                held.cut_it_off()
                return list(await asyncio.gather(asked, return_exceptions=True))

    assert [type(one) for one in asyncio.run(cut())] == [DatabaseUnavailable]
    assert used(engine) == engine.held_and_spent() == (10, 0)
    assert [one is True for one in bring(engine, [new(engine), new(engine)])] == [True, False]


def test_a_smaller_job_fits_where_a_larger_one_does_not(engine: Engine) -> None:
    limit(engine, 25)
    first, dear, cheap = bring(engine, [new(engine, 10), new(engine, 20), new(engine, 15)])
    assert (first, cheap) == (True, True)
    assert isinstance(dear, BudgetExceeded)
    assert (dear.exceeded.standing.left_nano, dear.exceeded.may_cost_nano) == (15, 20)


def test_a_job_of_unknown_price_is_admitted_while_something_is_left(engine: Engine) -> None:
    limit(engine, 10)
    unknown: dict[str, Any] = {"plan": [{"high_nano": None}], "reserved_nano": 0}
    assert bring(engine, [new(engine, **unknown), new(engine, 10)]) == [True, True]
    [refused] = bring(engine, [new(engine, **unknown)])
    assert isinstance(refused, BudgetExceeded)
    assert refused.exceeded.may_cost_nano is None


def test_a_tag_s_budget_counts_its_jobs_alone(engine: Engine) -> None:
    limit(engine, 10, tag=("client", "acme"))
    mine: dict[str, Any] = {"tags": {"client": "acme"}}
    other: dict[str, Any] = {"tags": {"client": "else"}}
    outcomes = bring(engine, [new(engine, **mine), new(engine, **mine), new(engine, **other), new(engine)])
    assert [one is True for one in outcomes] == [True, False, True, True]
    assert used(engine) == (10, 0)


def test_of_several_budgets_the_one_that_renews_last_is_named(engine: Engine) -> None:
    for period in (Period.TOTAL, Period.DAY, Period.MONTH):
        limit(engine, 5, period)
    [refused] = bring(engine, [new(engine)])
    assert isinstance(refused, BudgetExceeded)
    assert refused.exceeded.standing.budget.period is Period.TOTAL


def test_a_new_period_begins_with_nothing_spent(engine: Engine) -> None:
    limit(engine, 10)
    assert bring(engine, [new(engine)]) == [True]
    engine.clock.advance(timedelta(hours=12).total_seconds() - 1)
    assert bring(engine, [new(engine)])[0] is not True
    engine.clock.advance(1)
    assert bring(engine, [new(engine)]) == [True]


def test_a_job_that_came_before_midnight_counts_in_the_day_before(engine: Engine) -> None:
    limit(engine, 10)
    late = new(engine, created_at=NOON + timedelta(hours=11, minutes=59))
    engine.clock.advance(timedelta(hours=13).total_seconds())
    outcomes = bring(engine, [late, new(engine), new(engine, created_at=late.created_at)])
    assert [one is True for one in outcomes] == [True, True, False]


def test_a_refused_request_leaves_its_key_unused(engine: Engine) -> None:
    limit(engine, 10)
    first, second = new(engine, 20), new(engine, 10)
    assert isinstance(bring(engine, [first], [Answer("k", "a", "{}")])[0], BudgetExceeded)
    assert bring(engine, [second], [Answer("k", "b", "{}")]) == [True]


def test_a_key_that_was_used_is_not_refused_and_takes_nothing(engine: Engine) -> None:
    limit(engine, 20)
    key, other = Answer("k", "a", "{}"), Answer("j", "a", "{}")
    assert bring(engine, [new(engine), new(engine), new(engine)], [key, key, other]) == [True, False, True]
    assert bring(engine, [new(engine)], [key]) == [False]


def test_projects_without_budgets_are_written_by_one_statement_as_before(engine: Engine) -> None:
    asked: list[str] = []

    class Counting:
        def __init__(self, connection: Any) -> None:  # noqa: ANN401
            self._connection = connection

        async def fetchrow(self, query: str, *args: object) -> Any:  # noqa: ANN401
            asked.append(query)
            return await self._connection.fetchrow(query, *args)

    async def write() -> intake.Written:
        connection = await asyncpg.connect(for_asyncpg(engine.runtime.database.url))
        try:
            return await intake.write(cast("intake.Connection", Counting(connection)), [(new(engine), None)])
        finally:
            await connection.close()

    written = asyncio.run(write())
    assert (len(asked), len(written.taken), written.budgeted) == (1, 1, frozenset())


def test_a_budget_that_is_removed_limits_nobody_any_more(engine: Engine) -> None:
    budget_id = limit(engine, 5)

    async def run() -> list[Outcome]:
        async with Entrance.opened(engine.runtime.database.url) as entrance:
            before = await asyncio.gather(entrance.take(new(engine)), return_exceptions=True)
            with engine.runtime.database.work() as session:
                session.connection().execute(text("DELETE FROM budgets WHERE id = :id"), {"id": budget_id})
            return [*before, await entrance.take(new(engine)), await entrance.take(new(engine))]

    refused, second, third = asyncio.run(run())
    assert isinstance(refused, BudgetExceeded)
    assert (second, third) == (True, True)


amounts = st.integers(0, 2**50)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(amounts, max_size=3),
    after=st.lists(amounts, max_size=4),
    costs=st.lists(amounts, max_size=4),
    change=amounts,
)
def test_held_and_spent_are_those_of_the_ledger(
    engine: Engine, before: list[int], after: list[int], costs: list[int], change: int
) -> None:
    with engine.runtime.database.work() as session:
        for table in ("budget_tallies", "budgets"):
            session.connection().execute(text(f"DELETE FROM {table}"))  # noqa: S608 - constants
    job = a_job(project_id=engine.project_id)
    attempts = [an_attempt(job, number=n, cost_nano=cost) for n, cost in enumerate(costs)]
    keep(engine.runtime, job, *attempts)
    with engine.runtime.database.work() as session:
        for nano in before:
            ledger.reserve(session, job, nano, NOON)
    limit(engine, 1)
    with engine.runtime.database.work() as session:
        for nano in after:
            ledger.reserve(session, job, nano, NOON)
        session.flush()
        for attempt in attempts:
            ledger.settle(session, job, attempt, NOON)
            ledger.adjust(session, job, attempt, change, NOON)
        for nano in before:
            ledger.release(session, job, nano, NOON)
    assert used(engine) == engine.held_and_spent()


def test_an_entry_that_is_booked_while_a_budget_is_made_is_counted_once(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id)
    keep(engine.runtime, job)
    maker = threading.Thread(target=lambda: limit(engine, 100))
    with engine.runtime.database.work() as session:
        ledger.reserve(session, job, 7, NOON)
        session.flush()
        maker.start()
        _until_somebody_waits(engine)
    maker.join()
    assert used(engine) == (7, 0)


def _until_somebody_waits(engine: Engine) -> None:
    waits = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation IS NOT NULL)")
    for _ in range(10_000):
        with engine.runtime.database.work() as session:
            if session.connection().execute(waits).scalar():
                return
    raise AssertionError("nobody waits for the ledger")


def test_a_budget_whose_maker_has_died_refuses_nothing_until_it_is_counted(engine: Engine) -> None:
    assert bring(engine, [new(engine)]) == [True]
    budget_id = limit(engine, 10)
    with engine.runtime.database.work() as session:
        session.connection().execute(text("UPDATE budgets SET counted = false"))
        session.connection().execute(text("DELETE FROM budget_tallies"))
    assert bring(engine, [new(engine)]) == [True]
    sweep(engine.runtime)
    assert bring(engine, [new(engine)])[0] is not True
    assert (str(standing(engine).budget.id), used(engine)) == (budget_id, (20, 0))


def test_many_changes_are_summed_up_and_none_is_lost(engine: Engine) -> None:
    limit(engine, 10_000)
    for _ in range(70):
        bring(engine, [new(engine)])
    with engine.runtime.database.work() as session:
        budgets.sum_up(session)
        left = session.connection().execute(text("SELECT count(*) FROM budget_tallies")).scalar_one()
    assert (left, used(engine)) == (1, (700, 0))


def test_changes_are_summed_up_where_no_watcher_does_it(engine: Engine) -> None:
    limit(engine, 10_000)
    budget_id = standing(engine).budget.id
    with engine.runtime.database.work() as session:
        session.connection().execute(
            text(
                "INSERT INTO budget_tallies (budget_id, start, held, spent, summed)"
                " SELECT :id, '2026-11-22', 1, 1, false FROM generate_series(1, 300)"
            ),
            {"id": budget_id},
        )
    assert bring(engine, [new(engine)]) == [True]
    with engine.runtime.database.work() as session:
        assert session.connection().execute(text("SELECT count(*) FROM budget_tallies")).scalar_one() == 2
    assert used(engine) == (310, 300)


@pytest.mark.parametrize(
    ("period", "hours", "ends"),
    [
        (Period.DAY, 0, "2026-11-23T00:00:00+00:00"),
        (Period.MONTH, 24 * 20, "2027-01-01T00:00:00+00:00"),
        (Period.MONTH, 0, "2026-12-01T00:00:00+00:00"),
        (Period.TOTAL, 0, None),
    ],
)
def test_a_period_says_when_it_renews(period: Period, hours: int, ends: str | None) -> None:
    end = period.end(period.start(NOON + timedelta(hours=hours)))
    assert (None if end is None else end.isoformat()) == ends
