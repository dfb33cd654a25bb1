"""Canceling at every moment of a job's life, and the money afterwards."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from domain.costs import NOT_BILLED, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lifecycle import JobStatus
from providers.base import (
    Accepted,
    CancelAnswer,
    Ended,
    Finished,
    Generating,
    LookFailed,
    NotAccepted,
    OutcomeUnknown,
    Output,
    Submission,
)
from services import cancel as canceling
from services.cancel import cancel
from services.refusals import Conflict, NotFound
from storage import jobs
from tests.support.engine import Engine, taken
from tests.support.rows import a_job, keep
from tests.support.together import at_once
from tests.support.until import until

REMOVED = CancelAnswer("removed", "it was still waiting")
REQUESTED = CancelAnswer("requested", "it is asked to stop")
TOO_LATE = CancelAnswer("too_late", "it has finished")
PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)
DONE = Finished((Output("http://127.0.0.1:1/1.png"),), PAID)
BROKEN = Failure(ErrorCode.PROVIDER_FAILED, "the runner died", retryable=True)


def ask(engine: Engine, job_id: UUID) -> dict[str, str]:
    view = cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert view["id"] == str(job_id)
    answer: dict[str, str] = view["cancellation"]
    return answer


def test_a_job_that_waits_is_canceled_at_once_and_costs_nothing(engine: Engine) -> None:
    job_id = engine.accept()
    assert ask(engine, job_id)["effect"] == "canceled"
    assert (engine.job(job_id).status, engine.error(job_id)) == ("canceled", "canceled")
    assert engine.held_and_spent() == (0, 0)
    engine.work()
    assert engine.linkmodel.submits.asked == []


def test_a_job_that_is_being_sent_is_canceled_as_soon_as_it_has_an_id(engine: Engine) -> None:
    def cancel_meanwhile(_: Submission) -> Accepted:
        assert ask(engine, job_id)["effect"] == "requested"
        return taken()

    engine.linkmodel.submits.says(cancel_meanwhile)
    job_id = engine.accept()
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("running", 0.0)
    [one] = engine.open_requests(job_id)
    assert one.cancel


def test_a_job_that_was_refused_while_it_was_canceled_is_canceled(engine: Engine) -> None:
    def cancel_meanwhile(_: Submission) -> Accepted:
        ask(engine, job_id)
        raise NotAccepted(BROKEN)

    engine.linkmodel.submits.says(cancel_meanwhile)
    job_id = engine.accept()
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.held_and_spent()) == ("canceled", (0, 0))


def test_a_cancel_does_not_make_an_unknown_outcome_known(engine: Engine) -> None:
    def cancel_meanwhile(_: Submission) -> Accepted:
        ask(engine, job_id)
        raise OutcomeUnknown("the answer was lost")

    engine.linkmodel.submits.says(cancel_meanwhile)
    job_id = engine.accept()
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.held_and_spent()) == ("review", (30_000_000, 0))


def test_a_request_that_the_provider_removed_is_free(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(REMOVED)
    assert ask(engine, job_id) == {"effect": "removed", "message": "it was still waiting"}
    attempt = engine.attempt(job_id)
    assert (engine.job(job_id).status, attempt.status) == ("canceled", "canceled")
    assert (attempt.cost_nano, attempt.cost_basis) == (0, "not_billed")
    assert engine.held_and_spent() == (0, 0)


@pytest.mark.parametrize(
    "answer", [REQUESTED, TOO_LATE, CancelAnswer("impossible", "it cannot be canceled here")]
)
def test_a_request_that_goes_on_is_followed_to_its_verdict(engine: Engine, answer: CancelAnswer) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(answer)
    assert ask(engine, job_id)["effect"] == answer.effect
    assert engine.job(job_id).status == "running"
    assert engine.attempt(job_id).cancel_effect == answer.effect
    [one] = engine.open_requests(job_id)
    assert not one.cancel
    engine.sees(job_id, Generating(), DONE)
    assert (engine.job(job_id).status, engine.held_and_spent()) == ("storing", (30_000_000, 20_000_000))


def test_a_canceled_request_is_not_tried_again_when_it_fails(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(REQUESTED)
    ask(engine, job_id)
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    assert (engine.job(job_id).status, engine.error(job_id)) == ("canceled", "canceled")
    assert engine.fal.submits.asked == []


def test_a_canceled_request_that_was_billed_says_so(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(REQUESTED)
    ask(engine, job_id)
    engine.sees(job_id, Ended(Failure(ErrorCode.CANCELED, "canceled"), PAID, canceled=True))
    assert (engine.job(job_id).status, engine.job(job_id).cost_nano) == ("canceled", 20_000_000)
    assert engine.held_and_spent() == (0, 20_000_000)


def test_a_cancel_that_was_not_answered_is_asked_for_again_with_the_next_look(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(LookFailed("no answer"))
    assert ask(engine, job_id)["effect"] == "requested"
    assert (engine.job(job_id).status, engine.due_in(job_id)) == ("running", 0.0)
    [one] = engine.open_requests(job_id)
    assert one.cancel


def test_a_provider_that_is_not_set_up_any_more_cannot_be_asked(engine: Engine) -> None:
    job_id = engine.running()
    providers = engine.runtime.providers
    assert isinstance(providers, dict)
    del providers["linkmodel"]
    assert ask(engine, job_id)["effect"] == "requested"
    assert engine.job(job_id).status == "running"


def test_an_answer_that_comes_after_the_verdict_changes_nothing(engine: Engine) -> None:
    job_id = engine.running()
    attempt_id = engine.attempt(job_id).id
    engine.sees(job_id, DONE)
    canceling.record_answer(engine.runtime, attempt_id, REMOVED)
    assert engine.job(job_id).status == "storing"
    assert engine.bookings(job_id)[1:] == [("settle", 20_000_000)]


def test_what_is_made_and_paid_for_is_kept(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, DONE)
    assert ask(engine, job_id)["effect"] == "too_late"
    assert engine.job(job_id).status == "storing"
    assert engine.linkmodel.cancels.asked == []


def _reviewed(engine: Engine) -> UUID:
    engine.linkmodel.submits.says(OutcomeUnknown("the answer was lost"))
    job_id = engine.accept()
    engine.submit(job_id)
    return job_id


def _canceled(engine: Engine) -> UUID:
    job_id = engine.accept()
    ask(engine, job_id)
    return job_id


def _failed(engine: Engine) -> UUID:
    job_id = engine.running()
    engine.sees(job_id, Ended(Failure(ErrorCode.PROVIDER_FAILED, "no"), NOT_BILLED))
    return job_id


@pytest.mark.parametrize(
    ("bring", "status"), [(_reviewed, "review"), (_canceled, "canceled"), (_failed, "failed")]
)
def test_a_job_that_has_ended_is_not_canceled(
    engine: Engine, bring: Callable[[Engine], UUID], status: str
) -> None:
    job_id = bring(engine)
    with pytest.raises(Conflict, match=f"it is {status}") as refused:
        ask(engine, job_id)
    assert (refused.value.code, refused.value.details) == ("job_ended", {"status": status})


def test_the_time_of_the_first_wish_stays(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(REQUESTED)
    ask(engine, job_id)
    first = engine.job(job_id).cancel_requested_at
    engine.clock.advance(5)
    ask(engine, job_id)
    assert engine.job(job_id).cancel_requested_at == first


def test_nobody_cancels_what_is_not_theirs(engine: Engine) -> None:
    job_id = engine.accept()
    with pytest.raises(NotFound):
        cancel(engine.runtime, project_id=uuid4(), job_id=job_id)
    with pytest.raises(NotFound):
        cancel(engine.runtime, project_id=engine.project_id, job_id=uuid4())
    assert engine.job(job_id).status == "queued"


def test_of_two_who_cancel_at_once_one_is_told_that_it_has_ended(engine: Engine) -> None:
    job_id = engine.accept()
    outcomes = at_once(lambda: ask(engine, job_id)["effect"], times=4)
    assert sorted(map(str, outcomes)) == ["canceled"] + ["the job has ended: it is canceled"] * 3
    assert engine.held_and_spent() == (0, 0)


def test_a_job_that_is_sent_while_it_is_canceled_is_canceled_or_asked_for(engine: Engine) -> None:
    with engine.runtime.database.work() as session:
        job_id = engine.accept()
        job = jobs.lock_job(session, job_id)
        assert job is not None
        with ThreadPoolExecutor() as threads:
            asked = threads.submit(ask, engine, job_id)
            until(lambda: _waits_for_a_lock(engine), "the cancel to wait")
            jobs.move_job(session, job, JobStatus.SUBMITTING)
            session.commit()
            assert asked.result()["effect"] == "requested"
    assert engine.job(job_id).cancel_requested_at is not None


def test_a_running_job_without_an_attempt_is_only_marked(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id, status="running")
    keep(engine.runtime, job)
    assert ask(engine, job.id)["effect"] == "requested"


def _waits_for_a_lock(engine: Engine) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with engine.runtime.database.work() as session:
        return session.connection().execute(text(waiting)).first() is not None
