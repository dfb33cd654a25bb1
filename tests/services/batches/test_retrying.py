"""The failed rows of batches once more."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from domain.batches import BatchState
from domain.lifecycle import JobStatus
from services import again
from services.batches import canceling, completing
from services.batches.retrying import retry
from services.refusals import Conflict
from services.runtime import Runtime
from tests.support.batches import (
    batch_counts,
    batch_jobs,
    batch_record,
    batch_told,
    fail_job,
    rows_out,
    sent_batch,
    set_batch,
    waiting_rows,
)
from tests.support.engine import Engine


def ask(engine: Engine, batch_id: UUID) -> dict[str, str]:
    view = retry(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    done: dict[str, str] = view["done"]
    return done


def test_failed_rows_wait_for_their_turn_again_and_the_batch_completes_once_more(engine: Engine) -> None:
    batch_id = sent_batch(engine, 3, defaults={"model": "pair"})
    first, second, third = batch_jobs(engine, batch_id)
    for job_id in (first, second, third):
        fail_job(engine, job_id)
    completing.sweep(engine.runtime)
    assert batch_record(engine, batch_id).state == BatchState.COMPLETED
    assert ask(engine, batch_id) == {"effect": "retried", "message": "3 rows will run again"}
    found = batch_record(engine, batch_id)
    assert (found.state, found.ended_at) == (BatchState.RUNNING, None)
    # The dearer offer of the plan is what may be needed.
    assert waiting_rows(engine, batch_id) == [(n, "linkmodel", 30_000_000) for n in range(3)]
    job = engine.job(first)
    assert (job.status, job.plan_at, job.error, job.ended_at) == ("queued", 0, None, None)
    assert [entry["exhausted"] for entry in job.plan] == [False, False]
    assert [entry["provider"] for entry in job.plan] == ["linkmodel", "fal"]
    assert engine.steps(first)[-1] == "retried"
    engine.work()
    assert batch_counts(engine, batch_id).jobs[JobStatus.RUNNING] == 3
    assert engine.attempt(first).number == 2
    for job_id in (first, second, third):
        fail_job(engine, job_id)
    completing.sweep(engine.runtime)
    assert batch_told(engine, batch_id) == ["batch.completed", "batch.completed"]


def test_rows_whose_files_are_made_are_only_fetched_again(engine: Engine) -> None:
    batch_id = sent_batch(engine, 2)
    made, failed = batch_jobs(engine, batch_id)
    fail_job(engine, made, made=True)
    fail_job(engine, failed)
    completing.sweep(engine.runtime)
    assert ask(engine, batch_id)["message"] == (
        "1 row will run again; the files of 1 row are fetched again, which costs nothing"
    )
    assert engine.job(made).status == JobStatus.STORING
    assert [number for number, *_ in waiting_rows(engine, batch_id)] == [1]


def test_a_batch_of_which_files_are_only_fetched_runs_again_too(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    [made] = batch_jobs(engine, batch_id)
    fail_job(engine, made, made=True)
    completing.sweep(engine.runtime)
    ask(engine, batch_id)
    assert batch_record(engine, batch_id).state == BatchState.RUNNING
    assert rows_out(engine, batch_id) == 1


def test_what_was_canceled_or_goes_well_does_not_run_again(engine: Engine) -> None:
    batch_id = sent_batch(engine, 2)
    with pytest.raises(Conflict, match="none of its rows has failed"):
        ask(engine, batch_id)
    assert batch_record(engine, batch_id).state == BatchState.RUNNING


def test_a_paused_batch_stays_paused_and_says_so(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    set_batch(engine, batch_id, state=BatchState.PAUSED)
    fail_job(engine, batch_jobs(engine, batch_id)[0])
    assert ask(engine, batch_id)["message"] == "1 row will run again, once the batch is resumed"
    assert batch_record(engine, batch_id).state == BatchState.PAUSED


def test_a_canceled_batch_runs_its_failed_rows_again_though_it_was_never_read_to_its_end(
    engine: Engine,
) -> None:
    batch_id = sent_batch(engine, 1)
    fail_job(engine, batch_jobs(engine, batch_id)[0])
    set_batch(engine, batch_id, read_at=None)
    canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    completing.sweep(engine.runtime)
    ask(engine, batch_id)
    found = batch_record(engine, batch_id)
    assert (found.state, found.read_at) == (BatchState.RUNNING, engine.clock())


def test_a_deadline_counts_anew_from_when_the_row_is_let_out(engine: Engine) -> None:
    routing = {"provider": "linkmodel", "deadline": 60}
    batch_id = sent_batch(engine, 1, defaults={"model": "pair", "routing": routing})
    [job_id] = batch_jobs(engine, batch_id)
    fail_job(engine, job_id)
    engine.clock.advance(100)
    ask(engine, batch_id)
    assert engine.job(job_id).deadline_at is None
    engine.claim()
    assert engine.job(job_id).deadline_at == engine.clock() + timedelta(seconds=60)


def meanwhile(engine: Engine, job_id: UUID) -> Runtime:
    """Parts whose clock, when it is first asked, has somebody else retry the job."""
    times = count()

    def look() -> datetime:
        if next(times) == 0:
            again.retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
        return engine.clock()

    return replace(engine.runtime, clock=look)


def test_a_row_that_somebody_retries_meanwhile_runs_once(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    [job_id] = batch_jobs(engine, batch_id)
    fail_job(engine, job_id)
    completing.sweep(engine.runtime)
    runtime = meanwhile(engine, job_id)
    view = retry(runtime, project_id=engine.project_id, batch_id=batch_id)
    assert view["done"]["message"] == "somebody else retried them just now"
    assert (rows_out(engine, batch_id), waiting_rows(engine, batch_id)) == (1, [])


def test_a_batch_that_is_about_to_complete_goes_on_with_what_is_retried_just_then(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    fail_job(engine, batch_jobs(engine, batch_id)[0])

    def look() -> datetime:
        if batch_counts(engine, batch_id).jobs[JobStatus.FAILED]:
            ask(engine, batch_id)
        return engine.clock()

    completing.sweep(replace(engine.runtime, clock=look))
    found = batch_record(engine, batch_id)
    assert (found.state, found.ended_at, batch_told(engine, batch_id)) == (BatchState.RUNNING, None, [])
    assert len(waiting_rows(engine, batch_id)) == 1


def test_files_that_somebody_fetches_again_meanwhile_are_fetched_once(engine: Engine) -> None:
    batch_id = sent_batch(engine, 2)
    for job_id in batch_jobs(engine, batch_id):
        fail_job(engine, job_id, made=True)
    runtime = meanwhile(engine, batch_jobs(engine, batch_id)[1])
    view = retry(runtime, project_id=engine.project_id, batch_id=batch_id)
    assert view["done"]["message"] == "the files of 1 row are fetched again, which costs nothing"
    assert view["counts"]["storing"] == 2


@pytest.mark.parametrize("state", [BatchState.READING, BatchState.CANCELING, BatchState.FAILED])
def test_a_batch_in_another_state_cannot_be_retried(engine: Engine, state: BatchState) -> None:
    batch_id = sent_batch(engine, 1)
    set_batch(engine, batch_id, state=state)
    with pytest.raises(Conflict, match=f"this one is {state}"):
        ask(engine, batch_id)
