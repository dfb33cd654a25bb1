"""An endpoint that takes no field of ours gets none from then on, and nobody pays for having found out."""

from uuid import UUID

from domain.costs import NOT_BILLED, UNKNOWN_COST, Cost
from domain.failures import MARKER_REFUSED, ErrorCode, Failure
from domain.lifecycle import JobStatus
from providers.base import Ended, NotAccepted
from tests.support.engine import Engine, taken

FORBIDDEN = Failure(ErrorCode.PROVIDER_FAILED, "no such field", MARKER_REFUSED, retryable=True)


def at_fal(engine: Engine) -> UUID:
    engine.fal.marker_field = "darkroom_attempt"
    job_id = engine.accept(routing={"provider": "auto", "policy": "quality", "max_attempts": 1})
    while engine.job(job_id).provider != "fal":
        engine.linkmodel.submits.says(NotAccepted(Failure(ErrorCode.PROVIDER_REJECTED, "no", elsewhere=True)))
        engine.submit(job_id)
    engine.clock.advance(60)
    engine.submit(job_id)
    return job_id


def markers(engine: Engine) -> list[str | None]:
    return [sent.marker for sent in engine.fal.submits.asked]


def refused_as_it_runs(engine: Engine, cost: Cost) -> UUID:
    job_id = at_fal(engine)
    assert engine.attempt(job_id).marked
    engine.sees(job_id, Ended(FORBIDDEN, cost))
    return job_id


def test_what_was_free_is_sent_again_at_the_same_offer_without_the_field(engine: Engine) -> None:
    job_id = refused_as_it_runs(engine, NOT_BILLED)
    job = engine.job(job_id)
    assert (job.status, job.provider, engine.due_in(job_id)) == ("queued", "fal", 0.0)
    engine.fal.submits.says(taken(request_id="request-2"))
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert [one is None for one in markers(engine)] == [False, True]
    assert not engine.attempt(job_id).marked


def test_what_may_have_been_billed_is_not_sent_again_and_the_next_job_goes_without(engine: Engine) -> None:
    job_id = refused_as_it_runs(engine, UNKNOWN_COST)
    assert engine.job(job_id).status == JobStatus.FAILED
    at_fal(engine)
    assert markers(engine)[-1] is None


def test_a_refusal_at_the_door_goes_the_same_way(engine: Engine) -> None:
    engine.fal.submits.says(NotAccepted(FORBIDDEN), taken())
    job_id = at_fal(engine)
    assert (engine.job(job_id).status, engine.job(job_id).provider) == ("queued", "fal")
    engine.clock.advance(60)
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert [one is None for one in markers(engine)] == [False, True]
