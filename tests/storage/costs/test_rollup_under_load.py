"""Sums of costs while many end jobs at once and several keep the sums: nothing is lost or counted twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from domain.costing import Sums
from services.costs.rollup import sweep
from tests.support.booked import Try, asked, booked, cost, execute, whole
from tests.support.engine import Engine

WRITERS = 4
EACH = 15
JOBS = WRITERS * EACH
SPENT = WRITERS * sum(1010 + number for number in range(EACH))


def write(engine: Engine) -> None:
    """End jobs, and learn afterwards what each cost."""
    for number in range(EACH):
        job = booked(engine, Try(1000), Try(10, "linkmodel"), tags={"n": str(number)})
        cost(engine, job, 1, 1000 + number)


def keep(engine: Engine, over: Event) -> None:
    """Keep the sums, in slices that cut through the events of a job."""
    while not over.is_set():
        sweep(engine.runtime, events=7, slices=3)


def ask(engine: Engine, over: Event) -> list[Sums]:
    """What is answered meanwhile."""
    answers = []
    while not over.is_set():
        answers.append(whole(engine))
    return answers


def test_nothing_is_lost_or_counted_twice(engine: Engine) -> None:
    over = Event()
    with ThreadPoolExecutor() as pool:
        keepers = [pool.submit(keep, engine, over) for _ in range(2)]
        asking = pool.submit(ask, engine, over)
        with ThreadPoolExecutor() as others:
            written = [others.submit(write, engine) for _ in range(WRITERS)]
        over.set()
    for future in (*keepers, *written):
        future.result()
    answers = asking.result()
    counts = [one.jobs for one in answers]
    assert counts == sorted(counts)
    # Both attempts of a job are there at once, or neither.
    assert {one.priced - 2 * one.jobs for one in answers} == {0}
    expected = Sums(jobs=JOBS, succeeded=JOBS, priced=2 * JOBS, spent_nano=SPENT)
    assert whole(engine) == expected
    sweep(engine.runtime)
    sweep(engine.runtime)
    assert (whole(engine), len(asked(engine, "tag.n"))) == (expected, EACH)
    assert execute(engine.runtime, "SELECT CAST(sum(spent_nano) AS bigint) FROM cost_days") == SPENT
    assert execute(engine.runtime, "SELECT CAST(sum(spent_nano) AS bigint) FROM cost_tag_days") == SPENT
