"""Sums of costs: exact at any moment, whoever commits late, whatever changes later or breaks off."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from domain.costing import Sums
from services.access import create_project
from services.costs.rollup import sweep
from storage import agenda, jobs, ledger
from storage.costs import rollup
from storage.records import AttemptRecord, JobRecord
from tests.support.booked import Try, asked, booked, cost, execute, whole
from tests.support.engine import Engine
from tests.support.rows import NOON

SUMMED = "SELECT CAST(COALESCE(sum(jobs), 0) AS int) FROM cost_days"
DONE = "SELECT done_to FROM cost_mark"


def test_a_group_says_what_became_of_its_jobs_and_what_they_cost(engine: Engine) -> None:
    booked(engine, Try(30))
    booked(engine, Try(20), status="failed")
    booked(engine, status="canceled", provider="fal", endpoint="fal-endpoint")
    booked(engine, Try(7, final=False), held=3)
    expected = Sums(
        jobs=4, succeeded=2, failed=1, canceled=1, priced=3, not_final=1, held_nano=3, spent_nano=57
    )
    for _ in range(2):
        assert asked(engine, "provider") == {("fal",): expected}
        sweep(engine.runtime)
    assert execute(engine.runtime, SUMMED) == 4


def test_what_an_attempt_cost_counts_where_it_was_and_the_job_where_it_ended(engine: Engine) -> None:
    booked(engine, Try(9, "fal"), Try(0, "fal", "not_billed"), Try(20, "linkmodel", "provider_price"))
    sweep(engine.runtime)
    found = asked(engine, "provider,basis")
    assert found == {
        ("fal", "billable_units"): Sums(priced=1, spent_nano=9),
        ("linkmodel", "provider_price"): Sums(jobs=1, succeeded=1, priced=1, spent_nano=20),
    }


def test_a_cost_that_nobody_knows_is_counted_where_it_is_and_never_0(engine: Engine) -> None:
    job = booked(engine, Try(None, "fal"), Try(20, "linkmodel"), held=8)
    sweep(engine.runtime)
    found = asked(engine, "provider")
    assert (found["fal",].unknown, found["fal",].known_spent_nano) == (1, None)
    assert (found["linkmodel",].unknown, found["linkmodel",].spent_nano) == (0, 20)
    cost(engine, job, 1, 6)
    for _ in range(2):
        assert asked(engine, "provider")["fal",] == Sums(priced=1, spent_nano=6)
        sweep(engine.runtime)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("day", (date(2026, 11, 22),)),
        ("month,kind", ("2026-11", "video")),
        ("status,model", ("succeeded", "kling-v3")),
        ("sandbox,endpoint", (False, "fal-endpoint")),
        ("tag.client,batch_id", ("acme", None)),
        ("tag.none", (None,)),
    ],
)
def test_costs_are_grouped_by_anything(engine: Engine, names: str, values: tuple[Any, ...]) -> None:
    booked(engine, Try(30), tags={"client": "acme"})
    for _ in range(2):
        assert asked(engine, names) == {values: Sums(jobs=1, succeeded=1, priced=1, spent_nano=30)}
        sweep(engine.runtime)


def test_only_what_is_asked_for_is_summed(engine: Engine) -> None:
    booked(engine, Try(1), tags={"client": "acme"}, model="one", kind="image")
    booked(engine, Try(2, "linkmodel"), created_at=NOON + timedelta(days=1))
    booked(engine, Try(4), budgeted_at=NOON + timedelta(days=2))
    sweep(engine.runtime)
    day = NOON.date()
    questions: list[tuple[dict[str, Any], int]] = [
        ({"tag": ("client", "acme")}, 1),
        ({"model": "one"}, 1),
        ({"kind": "image"}, 1),
        ({"provider": "fal"}, 5),
        ({"first": day + timedelta(days=1)}, 6),
        ({"last": day + timedelta(days=1)}, 3),
        ({"first": day + timedelta(days=1), "last": day + timedelta(days=1)}, 2),
        ({}, 7),
    ]
    assert [asked(engine, **more)[()].spent_nano for more, _ in questions] == [nano for _, nano in questions]


def test_other_projects_see_nothing_of_it(engine: Engine) -> None:
    other = create_project(engine.runtime, name="other")["id"]
    booked(engine, Try(1), project_id=other)
    assert whole(engine) == Sums()
    sweep(engine.runtime)
    assert (whole(engine), execute(engine.runtime, SUMMED)) == (Sums(), 1)


def test_an_event_that_is_committed_late_is_not_stepped_over(engine: Engine) -> None:
    first, late = booked(engine, Try(1)), booked(engine, Try(None))
    sweep(engine.runtime)
    with engine.runtime.database.work() as session:
        held, attempt = jobs.lock_attempt(session, _only_attempt(session, late).id)
        attempt.cost_nano = 100
        ledger.settle(session, held, attempt, NOON)
        jobs.note(session, late.id, "late_verdict", NOON)
        session.flush()
        cost(engine, first, 1, 50)
        before = execute(engine.runtime, DONE)
        for _ in range(3):
            sweep(engine.runtime)
        assert execute(engine.runtime, DONE) == before
        assert (whole(engine).spent_nano, whole(engine).unknown) == (50, 1)
    assert whole(engine).spent_nano == 150
    sweep(engine.runtime)
    assert execute(engine.runtime, DONE) == execute(engine.runtime, "SELECT max(id) FROM job_events")
    assert execute(engine.runtime, "SELECT CAST(sum(spent_nano) AS int) FROM cost_days") == 150


def _only_attempt(session: Session, job: JobRecord) -> AttemptRecord:
    [one] = jobs.attempts_of(session, [job.id])
    return one


def test_what_breaks_off_has_summed_nothing_and_is_summed_once(engine: Engine) -> None:
    booked(engine, Try(3))
    with engine.runtime.database.work() as session:
        rollup.look(session)

    def break_off() -> None:
        with engine.runtime.database.work() as session:
            assert rollup.step(session, most=100)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert (execute(engine.runtime, SUMMED), whole(engine).spent_nano) == (0, 3)
    for _ in range(3):
        sweep(engine.runtime)
    assert (execute(engine.runtime, SUMMED), whole(engine).spent_nano) == (1, 3)


def test_one_sums_at_a_time_and_others_step_aside(engine: Engine) -> None:
    booked(engine, Try(3))
    with engine.runtime.database.work() as session:
        rollup.look(session)
    with engine.runtime.database.work() as session:
        assert rollup.step(session, most=1)
        with engine.runtime.database.work() as other:
            rollup.look(other)
            assert not rollup.step(other, most=1)


def test_a_long_past_is_summed_in_slices_and_asked_meanwhile(engine: Engine) -> None:
    for _ in range(7):
        booked(engine, Try(2))
    seen = []
    for _ in range(6):
        sweep(engine.runtime, events=3, slices=1)
        seen.append(execute(engine.runtime, SUMMED))
        assert whole(engine) == Sums(jobs=7, succeeded=7, priced=7, spent_nano=14)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (2, 7)


def test_a_job_on_its_way_is_told_and_summed_once_it_is_over(engine: Engine) -> None:
    job_id = engine.running()
    for _ in range(2):
        found = whole(engine)
        assert (found.jobs, found.open, found.spent_nano) == (1, 1, 0)
        assert found.held_nano == engine.held_and_spent()[0] > 0
        assert found.unknown == 0
        sweep(engine.runtime)
    assert execute(engine.runtime, SUMMED) == 0
    with engine.runtime.database.work() as session:
        agenda.unschedule(session, job_id)
        jobs.note(session, job_id, "search_ended", NOON)
    sweep(engine.runtime)
    assert (execute(engine.runtime, SUMMED), whole(engine).open) == (1, 1)


def test_a_job_that_is_asked_for_again_moves_to_that_day(engine: Engine) -> None:
    job = booked(engine, Try(5), status="failed")
    sweep(engine.runtime)
    with engine.runtime.database.work() as session:
        held = jobs.lock_job(session, job.id)
        assert held is not None
        held.budgeted_at = NOON + timedelta(days=1)
        jobs.note(session, job.id, "retried", NOON)
    for _ in range(2):
        assert list(asked(engine, "day")) == [(date(2026, 11, 23),)]
        sweep(engine.runtime)
    assert execute(engine.runtime, "SELECT count(*) FROM cost_shares") == 1


def test_a_copy_of_the_database_on_another_server_goes_on(engine: Engine) -> None:
    booked(engine, Try(3))
    with engine.runtime.database.work() as session:
        rollup.look(session)
    execute(engine.runtime, "UPDATE cost_mark SET seen_before = 9223372036854775807")
    sweep(engine.runtime)
    assert execute(engine.runtime, SUMMED) == 1


def test_events_that_are_gone_hold_nothing_up(engine: Engine) -> None:
    booked(engine, Try(3))
    with engine.runtime.database.work() as session:
        rollup.look(session)
    execute(engine.runtime, "DELETE FROM job_events")
    sweep(engine.runtime)
    booked(engine, Try(4))
    sweep(engine.runtime)
    assert execute(engine.runtime, SUMMED) == 1
