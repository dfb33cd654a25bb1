"""What a job comes to: flags, parts and bills, and what is not counted yet."""

import pytest

from domain.costing import Sums
from domain.money import parse_usd
from services.costs.rollup import sweep
from storage import jobs
from tests.support.booked import Try, booked, execute, whole
from tests.support.engine import Engine
from tests.support.rows import NOON, a_job, an_attempt

SUMMED = "SELECT CAST(COALESCE(sum(jobs), 0) AS int) FROM cost_days"


@pytest.mark.parametrize(
    ("ceiling", "flagged"),
    [
        ("0.061", 1),
        (" +.0_61 ", 1),
        ("61e-3", 1),
        ("0", 2),
        ("0061.", 0),
        ("9223372036", 0),
        ("\uff10.061", 0),
        ("0e-999999999", 0),
        (f"0.{'0' * 200_000}", 0),
    ],
)
def test_more_than_the_most_that_it_was_to_cost_is_flagged(
    engine: Engine, ceiling: str, flagged: int
) -> None:
    assert parse_usd(ceiling) is not None
    for nano in (61_000_001, 61_000_000):
        booked(engine, Try(nano), routing={"max_cost_usd": ceiling})
    for _ in range(2):
        found = whole(engine)
        assert (found.over_max, found.jobs) == (flagged, 2)
        sweep(engine.runtime)
    assert execute(engine.runtime, SUMMED) == 2


def test_starting_runners_is_told_apart_and_bills_are_told_once_they_are_there(engine: Engine) -> None:
    job = booked(engine, Try(30))
    execute(engine.runtime, "UPDATE attempts SET spin_up_nano = 4 WHERE job_id = :id", id=job.id)
    assert (whole(engine).spin_up_nano, whole(engine).known_invoiced_nano) == (4, None)
    execute(engine.runtime, "UPDATE attempts SET invoiced_nano = 29 WHERE job_id = :id", id=job.id)
    assert whole(engine).known_invoiced_nano == 29
    sweep(engine.runtime)
    assert (whole(engine).invoiced, execute(engine.runtime, "SELECT invoiced_nano FROM cost_days")) == (1, 29)


def test_a_batch_s_row_that_waits_for_its_turn_is_not_counted_yet(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id)
    with engine.runtime.database.work() as session:
        session.add(job)
    sweep(engine.runtime)
    assert whole(engine) == Sums()


def test_an_attempt_of_no_cost_yet_on_its_way_is_not_unknown(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id, status="running")
    with engine.runtime.database.work() as session:
        session.add(job)
        session.flush()
        session.add(an_attempt(job))
        jobs.note(session, job.id, "accepted", NOON)
    assert whole(engine) == Sums(jobs=1)
