"""Retrying a failed or canceled job: a new attempt of the same job, with its money held anew."""

from uuid import UUID, uuid4

import pytest

from domain.costs import NOT_BILLED, UNKNOWN_COST
from domain.failures import ErrorCode, Failure
from domain.retry import GIVE_UP_SECONDS
from providers.base import Ended, NotAccepted
from services.again import retry
from services.cancel import cancel
from services.refusals import Conflict, NotFound
from tests.support.engine import Engine, taken
from tests.support.together import at_once

NO = Failure(ErrorCode.PROVIDER_FAILED, "it cannot be made")
BUSY = Failure(ErrorCode.PROVIDER_REJECTED, "too many requests", retryable=True)
CLOSED = Failure(ErrorCode.PROVIDER_AUTH, "the key is not known", elsewhere=True)


def again(engine: Engine, job_id: UUID) -> str:
    status: str = retry(engine.runtime, project_id=engine.project_id, job_id=job_id)["status"]
    return status


def test_a_failed_job_runs_again_from_the_start_of_its_plan(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(CLOSED), taken())
    engine.fal.submits.says(NotAccepted(CLOSED))
    job_id = engine.accept()
    engine.work()
    assert engine.job(job_id).status == "failed"
    assert again(engine, job_id) == "queued"
    job = engine.job(job_id)
    assert (job.provider, job.endpoint, job.plan_at, job.ended_at, job.error) == (
        "linkmodel",
        "pair-a",
        0,
        None,
        None,
    )
    assert [entry["exhausted"] for entry in job.plan] == [False, False]
    assert engine.held_and_spent() == (30_000_000, 0)
    engine.work()
    assert engine.job(job_id).status == "running"
    assert [attempt.number for attempt in engine.attempts(job_id)] == [1, 2, 3]


def test_a_canceled_job_runs_again_and_is_not_canceled_by_the_old_wish(engine: Engine) -> None:
    job_id = engine.accept()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    again(engine, job_id)
    engine.linkmodel.submits.says(NotAccepted(BUSY, retry_after=1.0), taken())
    engine.submit(job_id)
    assert engine.job(job_id).status == "queued"


def test_a_retry_holds_its_own_cost_beside_one_that_nobody_knows(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(NO, UNKNOWN_COST))
    again(engine, job_id)
    assert engine.held_and_spent() == (60_000_000, 0)


def test_a_job_whose_price_is_not_known_holds_nothing(engine: Engine) -> None:
    job_id = engine.running("film")
    engine.sees(job_id, Ended(NO, NOT_BILLED))
    assert again(engine, job_id) == "queued"
    assert engine.bookings(job_id) == [("settle", 0)]


def test_the_hour_of_refusals_begins_anew(engine: Engine) -> None:
    job_id = engine.running(routing={"provider": "linkmodel"})
    engine.sees(job_id, Ended(NO, NOT_BILLED))
    engine.clock.advance(10 * GIVE_UP_SECONDS)
    again(engine, job_id)
    engine.linkmodel.submits.says(NotAccepted(BUSY))
    engine.submit(job_id)
    assert engine.job(job_id).status == "queued"


def test_a_job_that_is_neither_failed_nor_canceled_is_not_retried(engine: Engine) -> None:
    job_id = engine.running()
    with pytest.raises(Conflict, match="this one is running") as refused:
        again(engine, job_id)
    assert (refused.value.code, refused.value.details) == ("not_retryable", {"status": "running"})


def test_nobody_retries_what_is_not_theirs(engine: Engine) -> None:
    job_id = engine.accept()
    with pytest.raises(NotFound):
        retry(engine.runtime, project_id=uuid4(), job_id=job_id)


def test_of_many_who_retry_at_once_one_succeeds(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(NO, NOT_BILLED))
    outcomes = at_once(lambda: again(engine, job_id), times=4)
    assert outcomes.count("queued") == 1
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Conflict)] == ["not_retryable"] * 3
    assert engine.held_and_spent() == (30_000_000, 0)
