"""What followers have not seen: in slices, for many places at once, and never out of order."""

import threading
from uuid import UUID, uuid4

import pytest
from pytest_httpserver import HTTPServer

from services.cancel import cancel
from services.deliver import deliver
from storage import jobs, live
from tests.support.engine import WORKER, Engine
from tests.support.rows import NOON
from tests.support.until import until


def news(engine: Engine, *places: live.JobPlace, most: int = 100) -> dict[live.JobPlace, live.JobNews]:
    with engine.runtime.database.work() as session:
        return live.news_of_jobs(session, places, most=most)


def steps(found: live.JobNews) -> list[str]:
    return [step.type for step in found.steps]


@pytest.fixture
def ended(engine: Engine) -> UUID:
    job_id = engine.accept()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    return job_id


def test_each_place_has_its_own_news(engine: Engine, ended: UUID) -> None:
    going = engine.accept()
    first = engine.timeline(ended)[0].id or 0
    found = news(engine, (ended, 0), (ended, first), (going, 0))
    assert [steps(found[place]) for place in ((ended, 0), (ended, first))] == [
        engine.steps(ended),
        engine.steps(ended)[1:],
    ]
    assert (steps(found[going, 0]), found[going, 0].settled) == (engine.steps(going), False)


def test_a_place_with_nothing_behind_it_is_left_out_until_the_job_is_over(
    engine: Engine, ended: UUID
) -> None:
    going = engine.accept()
    places = [(job_id, engine.timeline(job_id)[-1].id or 0) for job_id in (ended, going)]
    found = news(engine, *places, (uuid4(), 0))
    assert {place: (told.settled, told.steps) for place, told in found.items()} == {places[0]: (True, [])}


def test_a_slice_begins_where_its_place_is(engine: Engine, ended: UUID) -> None:
    assert steps(news(engine, (ended, 0), most=1)[ended, 0]) == engine.steps(ended)[:1]


def test_a_delivery_is_told_behind_a_step_that_is_being_written(
    engine: Engine, httpserver: HTTPServer
) -> None:
    """Otherwise who sees it first would stand behind a step that is not there yet, and never get it."""
    httpserver.expect_request("/").respond_with_data("", status=204)
    job_id = engine.accept(callback_url=httpserver.url_for("/"))
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    [delivery] = engine.deliveries(job_id)
    telling = threading.Thread(target=deliver, args=(engine.runtime, [delivery.id]), kwargs={"owner": WORKER})
    with engine.runtime.database.work() as session:
        jobs.lock_job(session, job_id)
        jobs.note(session, job_id, "late_verdict", NOON)
        session.flush()
        telling.start()
        until(lambda: httpserver.log, "the delivery")
        telling.join(0.5)
        assert telling.is_alive()
    telling.join(60)
    assert engine.steps(job_id)[-2:] == ["late_verdict", "called_back"]
