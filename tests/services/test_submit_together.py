"""Submitting many jobs with one task: each sent once, each answer kept as it comes, none in another's way."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlmodel import text
from structlog.testing import capture_logs

from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import (
    Accepted,
    LookFailed,
    NotAccepted,
    OutcomeUnknown,
    Submission,
    UnitPrice,
    Unsupported,
)
from services.intents import DEFAULT_START_TIMEOUT
from services.submit import submit
from storage.records import UnitPriceRecord
from storage.steps import submitting
from tests.support.engine import WORKER, Engine, taken
from tests.support.until import until

BUSY = Failure(ErrorCode.PROVIDER_REJECTED, "too many requests", "429", retryable=True, busy=True)
WRONG = Failure(ErrorCode.INVALID_INPUT, "no such size")
FOREVER = 2**62


class Killed(BaseException):
    """What ends a thread that nobody can catch up with."""


def by_prompt(**says: Accepted | BaseException) -> Callable[[Submission], Accepted]:
    """A provider that answers each prompt as it is told, and takes all others."""

    def answer(submission: Submission) -> Accepted:
        prompt = submission.arguments["prompt"]
        said = says.get(prompt, taken(request_id=f"request-{prompt}"))
        if isinstance(said, BaseException):
            raise said
        return said

    return answer


def together(engine: Engine, job_ids: list[UUID], owner: str = WORKER) -> None:
    submit(engine.runtime, job_ids, owner=owner)


def sql(engine: Engine, statement: str, **given: object) -> None:
    with engine.runtime.database.work() as session:
        session.connection().execute(text(statement), given)


def test_each_answer_of_a_batch_goes_to_its_own_job(engine: Engine) -> None:
    engine.linkmodel.submits.says(by_prompt(refused=NotAccepted(WRONG), lost=OutcomeUnknown("no answer")))
    refused, lost, kept = [engine.accept(prompt=prompt) for prompt in ("refused", "lost", "kept")]
    together(engine, [refused, lost, kept])
    assert (engine.job(refused).status, engine.attempt(refused).cost_nano) == (JobStatus.FAILED, 0)
    assert (engine.job(lost).status, engine.attempt(lost).cost_nano) == (JobStatus.REVIEW, None)
    assert engine.job(kept).status == JobStatus.RUNNING
    assert engine.attempt(kept).provider_request_id == "request-kept"
    assert len(engine.linkmodel.submits.asked) == 3


def test_more_jobs_than_fit_on_the_wire_at_once_are_all_sent(engine: Engine) -> None:
    job_ids = [engine.accept() for _ in range(20)]
    together(engine, job_ids)
    assert {engine.job(job_id).status for job_id in job_ids} == {JobStatus.RUNNING}
    assert len({engine.attempt(job_id).provider_request_id for job_id in job_ids}) == 20
    assert len(engine.linkmodel.submits.asked) == 20


def test_two_workers_with_the_same_ids_send_each_once(engine: Engine) -> None:
    job_ids = [engine.accept() for _ in range(8)]
    start = threading.Barrier(2)

    def work(owner: str) -> None:
        start.wait()
        together(engine, job_ids, owner)

    threads = [threading.Thread(target=work, args=(f"worker:{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What one found locked by the other it leaves alone: nobody has it then, and it comes due again.
    engine.clock.advance(30)
    engine.work()
    assert [len(engine.attempts(job_id)) for job_id in job_ids] == [1] * 8
    assert len(engine.linkmodel.submits.asked) == 8


def test_an_answer_is_kept_while_others_are_still_waited_for(engine: Engine) -> None:
    quick, slow = engine.accept(prompt="quick"), engine.accept(prompt="slow")
    seen: list[str] = []

    def answer(submission: Submission) -> Accepted:
        if submission.arguments["prompt"] == "slow":
            until(lambda: engine.job(quick).status == JobStatus.RUNNING, "the other's answer to be kept")
            seen.append(engine.job(slow).status)
        return taken(request_id=submission.token)

    engine.linkmodel.submits.says(answer)
    together(engine, [slow, quick])
    assert seen == [JobStatus.SUBMITTING]
    assert engine.job(slow).status == JobStatus.RUNNING


def test_a_send_that_is_killed_leaves_only_its_own_job_undecided(engine: Engine) -> None:
    engine.linkmodel.submits.says(by_prompt(killed=Killed("here")))
    job_ids = [engine.accept(prompt=prompt) for prompt in ("one", "killed", "two")]
    with pytest.raises(Killed):
        together(engine, job_ids)
    assert [engine.job(job_id).status for job_id in job_ids] == ["running", "submitting", "running"]
    assert engine.attempt(job_ids[1]).status == AttemptStatus.SUBMITTING


def test_what_was_committed_and_never_sent_is_put_back(engine: Engine) -> None:
    job_ids = [engine.accept() for _ in range(3)]
    before = threading.stack_size(FOREVER - FOREVER % 4096)
    try:
        with pytest.raises(RuntimeError, match="thread"):
            together(engine, job_ids)
    finally:
        threading.stack_size(before)
    assert engine.linkmodel.submits.asked == []
    assert {engine.job(job_id).status for job_id in job_ids} == {JobStatus.QUEUED}
    assert {engine.attempt(job_id).cost_nano for job_id in job_ids} == {0}
    engine.clock.advance(1)
    engine.work()
    assert {engine.job(job_id).status for job_id in job_ids} == {JobStatus.RUNNING}


def test_to_be_asked_to_wait_costs_no_try_and_loses_no_job(engine: Engine) -> None:
    engine.linkmodel.submits.says(*[NotAccepted(BUSY, retry_after=5.0)] * 4, taken())
    job_id = engine.accept(routing={"max_attempts": 1})
    for number in range(4):
        engine.submit(job_id)
        job = engine.job(job_id)
        assert (job.status, job.provider) == (JobStatus.QUEUED, "linkmodel")
        assert (engine.due_in(job_id), engine.attempts(job_id)[number].cost_nano) == (5.0, 0)
        engine.clock.advance(5)
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert len(engine.attempts(job_id)) == 5


@pytest.mark.parametrize("everywhere", [False, True])
def test_who_asks_to_wait_is_left_alone_by_all_jobs_meanwhile(
    engine: Engine,
    everywhere: bool,  # noqa: FBT001 - a case
) -> None:
    engine.linkmodel.submits.says(NotAccepted(BUSY, retry_after=20.0, everywhere=everywhere), taken())
    first, second, other = (
        engine.accept(routing={"provider": "linkmodel"}),
        engine.accept(routing={"provider": "linkmodel"}),
        engine.accept(routing={"provider": "fal"}),
    )
    engine.submit(first)
    together(engine, [second, other])
    assert len(engine.linkmodel.submits.asked) == 1
    assert (engine.job(second).status, engine.attempts(second)) == (JobStatus.QUEUED, [])
    assert engine.due_in(second) == 20.0
    assert engine.job(other).status == JobStatus.RUNNING
    engine.clock.advance(20)
    together(engine, [first, second])
    assert {engine.job(job_id).status for job_id in (first, second)} == {JobStatus.RUNNING}


def test_a_provider_that_does_not_answer_is_soon_left_alone(engine: Engine) -> None:
    away = Failure(ErrorCode.PROVIDER_FAILED, "not there", retryable=True)
    engine.linkmodel.submits.says(NotAccepted(away, down=True))
    job_ids = [engine.accept(routing={"provider": "linkmodel"}) for _ in range(8)]
    together(engine, job_ids)
    later = engine.accept(routing={"provider": "linkmodel"})
    engine.submit(later)
    assert len(engine.linkmodel.submits.asked) == 8
    assert (engine.job(later).status, engine.attempts(later)) == (JobStatus.QUEUED, [])


def test_the_price_is_asked_once_for_all_jobs_of_an_endpoint(engine: Engine) -> None:
    engine.linkmodel.prices.says(UnitPrice(Decimal("0.0215"), "image"))
    job_ids = [engine.accept() for _ in range(5)]
    together(engine, job_ids)
    assert engine.linkmodel.prices.asked == ["pair-a"]
    assert {engine.attempt(job_id).unit_price for job_id in job_ids} == {Decimal("0.0215")}


def test_a_price_list_that_is_away_holds_nothing_up(engine: Engine) -> None:
    engine.linkmodel.prices.says(LookFailed("away"))
    job_ids = [engine.accept() for _ in range(3)]
    together(engine, job_ids)
    assert engine.linkmodel.prices.asked == ["pair-a"]
    assert {engine.attempt(job_id).unit_price for job_id in job_ids} == {Decimal("0.02")}


def test_a_price_is_written_down_when_it_changes_or_grows_old(engine: Engine) -> None:
    def priced(usd: str, after: float) -> timedelta:
        engine.clock.advance(after)
        engine.linkmodel.prices.says(UnitPrice(Decimal(usd), "image"))
        engine.submit(engine.accept())
        with engine.runtime.database.work() as session:
            known = session.get(UnitPriceRecord, ("linkmodel", "pair-a"))
        assert known is not None
        assert known.usd == Decimal(usd)
        return engine.clock() - known.at

    assert priced("0.021", 0) == timedelta()
    assert priced("0.021", 300) == timedelta(seconds=300)
    assert priced("0.021", 301) == timedelta()
    assert priced("0.022", 10) == timedelta()


def test_an_attempt_is_marked_by_its_id_where_the_provider_can_be_searched(engine: Engine) -> None:
    engine.fal.marker_field = "our_field"
    marked = engine.running(routing={"provider": "fal"})
    plain = engine.running(routing={"provider": "linkmodel"})
    assert engine.fal.submits.asked[-1].marker == str(engine.attempt(marked).id)
    assert engine.linkmodel.submits.asked[-1].marker is None
    assert (engine.attempt(marked).marked, engine.attempt(plain).marked) == (True, False)


def test_an_endpoint_that_refused_the_marker_gets_none(engine: Engine) -> None:
    engine.fal.marker_field = "our_field"
    with engine.runtime.database.work() as session:
        submitting.refuse_marker(session, provider="fal", endpoint="test/pair/b")
        submitting.refuse_marker(session, provider="fal", endpoint="test/pair/b")
    job_id = engine.running(routing={"provider": "fal"})
    assert engine.fal.submits.asked[-1].marker is None
    assert not engine.attempt(job_id).marked


def test_a_job_past_its_deadline_is_not_sent(engine: Engine) -> None:
    late, fine = engine.accept(routing={"deadline": 60}), engine.accept()
    engine.clock.advance(61)
    together(engine, [late, fine])
    job = engine.job(late)
    assert (job.status, engine.error(late), job.cost_nano) == (JobStatus.FAILED, "deadline", 0)
    assert engine.attempts(late) == []
    assert engine.job(fine).status == JobStatus.RUNNING


def test_a_queued_job_that_was_to_be_canceled_is_not_sent(engine: Engine) -> None:
    job_id = engine.accept()
    sql(engine, "UPDATE jobs SET cancel_requested_at = now()")
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.linkmodel.submits.asked) == (JobStatus.CANCELED, [])


def test_one_job_that_cannot_be_sent_does_not_hold_up_the_others(engine: Engine) -> None:
    def arguments(given: object) -> dict[str, object]:
        prompt = getattr(given, "prompt", "")
        if prompt == "refused":
            raise Unsupported("prompt", "not that one")
        # Neither a number that JSON has no form for nor a letter that the database cannot keep.
        return {"prompt": {"odd": float("nan"), "null": "a\x00b"}.get(prompt, prompt)}

    prompts = ("refused", "odd", "null", "broken", "fine")
    job_ids = [engine.accept(prompt=prompt) for prompt in prompts]
    engine.linkmodel.arguments_script.says(arguments)
    sql(engine, "UPDATE jobs SET input = '{\"prompt\": 7}' WHERE id = :id", id=job_ids[3])
    with capture_logs() as logged:
        together(engine, job_ids)
    assert [engine.job(job_id).status for job_id in job_ids] == [
        "failed",
        "queued",
        "queued",
        "queued",
        "running",
    ]
    left = [entry["job_id"] for entry in logged if entry["event"] == "job_not_sent"]
    assert sorted(left) == sorted(str(job_id) for job_id in job_ids[1:4])
    assert "prompt" not in str(logged)
    assert [one.arguments["prompt"] for one in engine.linkmodel.submits.asked] == ["fine"]


def test_an_answer_that_cannot_be_kept_does_not_lose_the_others(engine: Engine) -> None:
    says = by_prompt(gone=NotAccepted(BUSY), odd=taken(request_id="a\x00b"), fine=taken(request_id="fine"))
    gone, odd, fine = [engine.accept(prompt=prompt) for prompt in ("gone", "odd", "fine")]
    start = threading.Barrier(3)

    def answer(submission: Submission) -> Accepted:
        if start.wait() == 0:
            sql(engine, "UPDATE jobs SET status = 'succeeded' WHERE id = :id", id=gone)
        start.wait()
        return says(submission)

    engine.linkmodel.submits.says(answer)
    with capture_logs() as logged:
        together(engine, [gone, odd, fine])
    assert engine.job(fine).status == JobStatus.RUNNING
    assert engine.job(odd).status == JobStatus.SUBMITTING
    lost = [entry["attempt_id"] for entry in logged if entry["event"] == "answer_not_kept"]
    assert sorted(lost) == sorted(str(engine.attempt(job_id).id) for job_id in (gone, odd))


def test_the_defaults_of_an_attempt_are_written_with_it(engine: Engine) -> None:
    attempt = engine.attempt(engine.running())
    assert attempt.start_timeout == DEFAULT_START_TIMEOUT
    assert (attempt.filtered, attempt.missing, attempt.troubles, attempt.searches) == (0, 0, 0, 0)
    assert (attempt.store_tries, attempt.phases, attempt.cost_final, attempt.sandbox) == (0, {}, False, False)
    assert attempt.accepted_at == attempt.submitted_at == engine.clock()
