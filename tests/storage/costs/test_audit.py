"""The audit: books that add up are told so, and each that is tampered with is found and named."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from domain.budgets import Period
from services.budgets import NewBudget, put
from services.costs.auditing import audit
from services.costs.rollup import sweep
from storage.costs.audit import FIRST, run
from tests.support.booked import Try, booked, execute
from tests.support.engine import Engine
from tests.support.finished_batches import a_batch
from tests.support.rows import NOON

NOBODY = UUID(int=0)


def checks(engine: Engine) -> dict[str, Any]:
    """What each check found."""
    return {one["name"]: one for one in audit(engine.runtime, engine.project_id)["checks"]}


def wrong(engine: Engine) -> set[str]:
    """The checks that found something."""
    return {name for name, one in checks(engine).items() if one["wrong"]}


def filled(engine: Engine) -> None:
    """Books with something of everything, summed and not yet summed."""
    put(engine.runtime, NewBudget(engine.project_id, None, Period.TOTAL, 10**15))
    put(engine.runtime, NewBudget(engine.project_id, ("client", "a"), Period.DAY, 10**15))
    batch = a_batch(engine.runtime, engine.project_id, b"prompt\na\n", state="running").record
    booked(engine, Try(9, "fal"), Try(20, "linkmodel"), tags={"client": "a"})
    booked(engine, Try(7), batch_id=batch.id, row_number=0)
    booked(engine, Try(None), held=40, status="failed")
    booked(engine, status="canceled")
    sweep(engine.runtime)
    booked(engine, Try(3))
    engine.running()


def test_books_that_add_up_are_told_so(engine: Engine) -> None:
    filled(engine)
    found = audit(engine.runtime, engine.project_id)
    assert found["adds_up"], found
    counted = {one["name"]: one["checked"] for one in found["checks"]}
    assert counted == {
        "entries": 15,
        "held": 6,
        "released": 4,
        "attempts": 6,
        "jobs": 5,
        "shares": 4,
        "days": 4,
        "tags": 5,
        "batches_held": 1,
        "batches_spent": 1,
        "budgets": 2,
    }


def test_nothing_at_all_adds_up(engine: Engine) -> None:
    assert audit(engine.runtime, engine.project_id)["adds_up"]


@pytest.mark.parametrize(
    ("tampering", "expected"),
    [
        ("UPDATE ledger_entries SET kind = 'gift' WHERE kind = 'settle'", {"entries", "attempts"}),
        ("UPDATE ledger_entries SET attempt_id = NULL WHERE kind = 'settle'", {"entries", "attempts"}),
        ("UPDATE jobs SET reserved_nano = reserved_nano + 1", {"held"}),
        ("DELETE FROM ledger_entries WHERE kind = 'release'", {"held", "released"}),
        ("UPDATE ledger_entries SET nano = nano + 1 WHERE kind = 'settle'", {"attempts", "shares"}),
        ("UPDATE attempts SET cost_nano = cost_nano + 1", {"attempts", "jobs"}),
        ("UPDATE jobs SET cost_nano = cost_nano + 1", {"jobs"}),
        ("UPDATE cost_shares SET spent_nano = spent_nano + 1", {"shares", "days", "tags"}),
        ("UPDATE cost_days SET spent_nano = spent_nano + 1", {"days"}),
        ("UPDATE cost_tag_days SET unknown = unknown - 1", {"tags"}),
        ("UPDATE batch_tallies SET n = n + 1 WHERE what = 'spent'", {"batches_spent"}),
        ("INSERT INTO batch_tallies (batch_id, what, n) SELECT id, 'held', 5 FROM batches", {"batches_held"}),
        ("UPDATE budget_tallies SET spent = spent + 1", {"budgets"}),
    ],
)
def test_what_was_tampered_with_is_found(engine: Engine, tampering: str, expected: set[str]) -> None:
    filled(engine)
    execute(engine.runtime, tampering)
    found = wrong(engine)
    assert expected <= found
    assert found <= expected | {"shares", "batches_held", "batches_spent", "budgets", "held", "released"}
    assert not audit(engine.runtime, engine.project_id)["adds_up"]


def test_an_entry_that_nobody_noted_is_missed_by_the_sums_and_found(engine: Engine) -> None:
    job = booked(engine, Try(9))
    sweep(engine.runtime)
    execute(
        engine.runtime,
        "INSERT INTO ledger_entries (project_id, job_id, attempt_id, kind, nano, at)"
        " SELECT :project, job_id, id, 'adjust', 4, now() FROM attempts",
        project=engine.project_id,
    )
    found = checks(engine)
    [first] = found["shares"]["first"]
    assert (first["id"], first["is"]["nano_usd"], first["should_be"]["nano_usd"]) == (str(job.id), 9, 13)
    assert found["shares"]["wrong"] == 1


def test_of_many_that_are_wrong_the_first_are_named(engine: Engine) -> None:
    ids = sorted(str(booked(engine, Try(9)).id) for _ in range(FIRST + 3))
    execute(engine.runtime, "UPDATE jobs SET cost_nano = NULL")
    found = checks(engine)["jobs"]
    assert (found["wrong"], [one["id"] for one in found["first"]]) == (FIRST + 3, ids[:FIRST])
    assert {one["is"]["nano_usd"] for one in found["first"]} == {-1}


def test_a_budget_made_in_the_middle_counts_what_its_period_held(engine: Engine) -> None:
    booked(engine, Try(9), created_at=NOON - timedelta(days=1))
    booked(engine, Try(7))
    put(engine.runtime, NewBudget(engine.project_id, None, Period.DAY, 10**15))
    booked(engine, Try(5))
    engine.clock.advance(timedelta(days=1).total_seconds())
    booked(engine, Try(3), created_at=engine.clock())
    assert (wrong(engine), checks(engine)["budgets"]["checked"]) == (set(), 1)


def test_a_budget_that_a_job_has_moved_under_is_not_guessed_at(engine: Engine) -> None:
    job = booked(engine, Try(9))
    put(engine.runtime, NewBudget(engine.project_id, None, Period.DAY, 10**15))
    execute(
        engine.runtime,
        "UPDATE jobs SET budgeted_at = :at WHERE id = :id",
        at=NOON + timedelta(days=1),
        id=job.id,
    )
    assert checks(engine)["budgets"]["checked"] == 0


def test_it_changes_nothing_and_could_not(engine: Engine) -> None:
    def tamper() -> None:
        with engine.runtime.database.work() as session:
            run(session, engine.project_id)
            session.connection().exec_driver_sql("UPDATE jobs SET cost_nano = 0")

    with pytest.raises(DBAPIError, match="read-only"):
        tamper()


def test_the_books_of_others_are_not_looked_at(engine: Engine) -> None:
    filled(engine)
    execute(engine.runtime, "UPDATE jobs SET cost_nano = 1")
    other = audit(engine.runtime, NOBODY)
    assert (other["adds_up"], sum(one["checked"] for one in other["checks"])) == (True, 0)
