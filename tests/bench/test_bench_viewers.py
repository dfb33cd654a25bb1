"""What viewers are measured with: jobs and batches that only stand there, and ends like the engine's."""

from bench.watched import end, written
from services import live, reading
from tests.support.engine import Engine


def test_every_batch_goes_on_and_every_job_can_end(engine: Engine) -> None:
    watched = written(engine.runtime, engine.project_id, waits=1, streams=2, batches=1)
    [state] = live.states_of_batches(engine.runtime, watched.batches).values()
    assert (state.over, state.view["counts"]["waiting"]) == (False, 1)
    for job_id in (*watched.waits, *watched.streams):
        end(engine.runtime, job_id)
        assert reading.job(engine.runtime, engine.project_id, job_id)["status"] == "canceled"
        [told] = live.news_of_jobs(engine.runtime, [(job_id, 0)]).values()
        assert [step["type"] for step in told.steps] == ["accepted", "queued", "submitted", "canceled"]
        assert told.job is not None
