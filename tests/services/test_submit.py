"""Submitting: intent first, exactly one POST, and whatever came of it is kept."""

import threading
from decimal import Decimal

import psycopg
import pytest

from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus
from domain.retry import GIVE_UP_SECONDS
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
from storage.prices import remember
from storage.records import UnitPriceRecord
from tests.support.engine import Engine, taken
from tests.support.postgres import plain

BUSY = Failure(ErrorCode.PROVIDER_REJECTED, "too many requests", "429", retryable=True)
CLOSED = Failure(ErrorCode.PROVIDER_AUTH, "the key is not known", "401", elsewhere=True)
BROKE = Failure(ErrorCode.INSUFFICIENT_FUNDS, "the balance is used up", retryable=True, elsewhere=True)
WRONG = Failure(ErrorCode.INVALID_INPUT, "no such size", retryable=True)
RUDE = Failure(ErrorCode.CONTENT_POLICY, "refused by a filter", elsewhere=True)
STUBBORN = Failure(ErrorCode.PROVIDER_REJECTED, "no", "418")


def test_an_accepted_job_runs_with_all_that_a_look_needs(engine: Engine) -> None:
    engine.linkmodel.prices.says(UnitPrice(Decimal("0.0215"), "image"))
    engine.linkmodel.submits.says(
        taken(
            request_id="r-7",
            status_url="https://p.example/status",
            response_url="https://p.example/response",
            cancel_url="https://p.example/cancel",
            price_nano=21_500_000,
            queue_position=3,
        )
    )
    job_id = engine.accept()
    engine.submit(job_id)
    attempt = engine.attempt(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert attempt.status == AttemptStatus.RUNNING
    assert (attempt.provider, attempt.endpoint, attempt.number) == ("linkmodel", "pair-a", 1)
    assert (attempt.provider_request_id, attempt.queue_position) == ("r-7", 3)
    assert attempt.status_url == "https://p.example/status"
    assert attempt.response_url == "https://p.example/response"
    assert attempt.cancel_url == "https://p.example/cancel"
    assert (attempt.price_nano, attempt.unit_price, attempt.unit) == (21_500_000, Decimal("0.0215"), "image")
    assert attempt.expected_nano == 21_500_000
    assert attempt.phase == "provider_queue"
    assert engine.steps(job_id) == ["accepted", "queued", "submitted"]
    assert engine.due_in(job_id) == 2.0


@pytest.mark.parametrize(("position", "phase"), [(0, "cold_start"), (4, "provider_queue"), (None, None)])
def test_the_clock_starts_in_the_phase_that_the_answer_tells(
    engine: Engine, position: int | None, phase: str | None
) -> None:
    engine.linkmodel.submits.says(taken(queue_position=position))
    assert engine.attempt(engine.running()).phase == phase


def test_the_submission_carries_what_the_job_asked_for(engine: Engine) -> None:
    routing = {"provider": "fal", "hint": "h", "start_timeout": 40, "zero_retention": False}
    engine.running(routing=routing | {"object_lifetime": 600}, priority="low")
    [sent] = engine.fal.submits.asked
    assert (sent.priority, sent.hint, sent.start_timeout, sent.object_lifetime) == ("low", "h", 40, 600)
    assert sent.arguments == {"prompt": "a red kite"}
    assert sent.webhook_url is None


def test_a_job_without_a_start_timeout_gets_one(engine: Engine) -> None:
    engine.running(priority="high")
    [sent] = engine.linkmodel.submits.asked
    assert (sent.start_timeout, sent.priority) == (DEFAULT_START_TIMEOUT, "normal")


def test_the_attempt_is_committed_before_the_request_goes_out(engine: Engine) -> None:
    seen: list[tuple[str, str, str]] = []

    def look_from_outside(submission: Submission) -> Accepted:
        query = "SELECT j.status, a.status, a.token FROM attempts a JOIN jobs j ON j.id = a.job_id"
        with psycopg.connect(plain(engine.runtime.database.url)) as other:
            seen.extend(other.execute(query).fetchall())
        assert submission.token == seen[0][2]
        return taken()

    engine.linkmodel.submits.says(look_from_outside)
    engine.submit(engine.accept())
    assert [row[:2] for row in seen] == [("submitting", "submitting")]


def test_many_submits_of_one_job_at_once_send_one_request(engine: Engine) -> None:
    job_id = engine.accept()
    start = threading.Barrier(6)

    def submit(number: int) -> None:
        start.wait()
        engine.submit(job_id, owner=f"worker:{number}")

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engine.linkmodel.submits.asked) == 1
    assert len(engine.attempts(job_id)) == 1


def test_a_second_message_for_a_submitted_job_does_nothing(engine: Engine) -> None:
    job_id = engine.running()
    engine.submit(job_id)
    assert len(engine.linkmodel.submits.asked) == 1


def test_a_message_for_a_job_that_does_not_exist_does_nothing(engine: Engine) -> None:
    engine.submit(engine.project_id)
    assert engine.linkmodel.submits.asked == []


def test_a_late_message_does_not_shorten_the_wait_that_a_provider_asked_for(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(BUSY, retry_after=30.0), taken())
    job_id = engine.accept(routing={"provider": "linkmodel"})
    engine.submit(job_id)
    engine.submit(job_id)
    assert len(engine.linkmodel.submits.asked) == 1
    engine.clock.advance(30)
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING


def test_a_refusal_is_free_and_goes_on_at_the_next_offer_at_once(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(CLOSED))
    job_id = engine.accept()
    engine.submit(job_id)
    refused = engine.attempt(job_id)
    assert (refused.status, refused.cost_nano, refused.cost_basis) == ("failed", 0, "not_billed")
    job = engine.job(job_id)
    assert (job.status, job.provider, job.endpoint) == ("queued", "fal", "test/pair/b")
    assert engine.due_in(job_id) == 0.0
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert [attempt.provider for attempt in engine.attempts(job_id)] == ["linkmodel", "fal"]


def test_the_same_offer_is_tried_again_after_the_wait_that_it_asked_for(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(BUSY, retry_after=7.5))
    job_id = engine.accept(routing={"provider": "linkmodel"})
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.QUEUED
    assert engine.due_in(job_id) == 7.5


@pytest.mark.parametrize("failure", [BROKE, WRONG, RUDE, STUBBORN])
def test_a_refusal_that_will_stand_ends_the_job_without_cost(engine: Engine, failure: Failure) -> None:
    engine.linkmodel.submits.says(NotAccepted(failure))
    job_id = engine.accept()
    engine.submit(job_id)
    job = engine.job(job_id)
    assert (job.status, job.cost_nano, engine.error(job_id)) == ("failed", 0, failure.code.value)
    assert engine.held_and_spent() == (0, 0)
    assert engine.fal.submits.asked == []
    assert engine.agenda(job_id) is None


def test_a_job_ends_when_every_offer_has_refused_for_good(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(CLOSED))
    engine.fal.submits.says(NotAccepted(CLOSED))
    job_id = engine.accept()
    engine.work()
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "provider_auth")
    assert len(engine.linkmodel.submits.asked) == len(engine.fal.submits.asked) == 1


def test_refusals_are_given_up_an_hour_after_the_first_try(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(BUSY))
    job_id = engine.accept(routing={"provider": "linkmodel"})
    engine.submit(job_id)
    engine.clock.advance(GIVE_UP_SECONDS + 1)
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "provider_rejected")


def test_the_hour_does_not_begin_while_a_job_waits_for_its_turn(engine: Engine) -> None:
    engine.linkmodel.submits.says(NotAccepted(BUSY))
    job_id = engine.accept(routing={"provider": "linkmodel"})
    engine.clock.advance(5 * GIVE_UP_SECONDS)
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.QUEUED


def test_an_unknown_outcome_waits_for_a_person_and_keeps_its_reserve(engine: Engine) -> None:
    engine.linkmodel.submits.says(OutcomeUnknown("the answer was lost"))
    job_id = engine.accept()
    held = engine.held_and_spent()
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("review", "outcome_unknown")
    assert engine.attempt(job_id).status == AttemptStatus.UNKNOWN
    assert engine.job(job_id).cost_nano is None
    assert engine.held_and_spent() == held == (30_000_000, 0)


def test_an_unknown_outcome_is_never_sent_again(engine: Engine) -> None:
    engine.linkmodel.submits.says(OutcomeUnknown("the answer was lost"))
    job_id = engine.accept()
    engine.work()
    for _ in range(20):
        engine.clock.advance(3600)
        engine.work()
        engine.submit(job_id)
    assert len(engine.linkmodel.submits.asked) == 1
    assert engine.fal.submits.asked == []


def test_a_worker_that_dies_while_sending_leaves_the_job_for_a_person(engine: Engine) -> None:
    engine.linkmodel.submits.says(RuntimeError("the process was killed here"))
    job_id = engine.accept()
    with pytest.raises(RuntimeError, match="killed here"):
        engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.SUBMITTING
    engine.clock.advance(19)
    engine.work()
    assert engine.job(job_id).status == JobStatus.SUBMITTING
    engine.clock.advance(2)
    engine.work()
    assert engine.job(job_id).status == JobStatus.REVIEW
    assert len(engine.linkmodel.submits.asked) == 1


def test_an_answer_that_comes_after_all_is_taken(engine: Engine) -> None:
    def slow(_: Submission) -> Accepted:
        engine.clock.advance(60)
        engine.work()
        assert engine.job(job_id).status == JobStatus.REVIEW
        return taken()

    engine.linkmodel.submits.says(slow)
    job_id = engine.accept()
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert engine.job(job_id).error is None


def test_a_refusal_that_comes_after_all_settles_a_reviewed_job(engine: Engine) -> None:
    def slow(_: Submission) -> Accepted:
        engine.clock.advance(60)
        engine.work()
        assert engine.job(job_id).status == JobStatus.REVIEW
        raise NotAccepted(CLOSED)

    engine.linkmodel.submits.says(slow)
    job_id = engine.accept()
    engine.submit(job_id)
    assert (engine.job(job_id).status, engine.job(job_id).provider) == ("queued", "fal")
    assert engine.attempt(job_id).cost_nano == 0


def test_an_outcome_that_is_heard_of_twice_counts_once(engine: Engine) -> None:
    def slow(_: Submission) -> Accepted:
        engine.clock.advance(60)
        engine.work()
        raise OutcomeUnknown("the answer was lost")

    engine.linkmodel.submits.says(slow)
    job_id = engine.accept()
    engine.submit(job_id)
    assert engine.steps(job_id).count("review") == 1


def test_an_input_that_the_offer_no_longer_takes_ends_the_job_before_anything_is_sent(engine: Engine) -> None:
    job_id = engine.accept()
    engine.linkmodel.arguments_script.says(Unsupported("seed", "it takes none"))
    engine.submit(job_id)
    job = engine.job(job_id)
    assert (job.status, job.cost_nano) == ("failed", 0)
    assert job.error is not None
    assert job.error["message"] == "linkmodel pair-a: seed: it takes none"
    assert engine.linkmodel.submits.asked == []


def test_a_provider_whose_key_was_taken_away_is_passed_over(engine: Engine) -> None:
    job_id = engine.accept()
    providers = engine.runtime.providers
    assert isinstance(providers, dict)
    del providers["linkmodel"]
    engine.work()
    job = engine.job(job_id)
    assert (job.status, job.provider) == ("running", "fal")


def test_a_job_whose_only_provider_was_taken_away_says_so(engine: Engine) -> None:
    job_id = engine.accept(routing={"provider": "linkmodel"})
    providers = engine.runtime.providers
    assert isinstance(providers, dict)
    del providers["linkmodel"]
    engine.work()
    job = engine.job(job_id)
    assert (job.status, engine.error(job_id)) == ("failed", "provider_auth")
    assert job.error is not None
    assert "set its key again" in job.error["message"]


def test_a_price_that_was_read_is_remembered(engine: Engine) -> None:
    engine.fal.prices.says(UnitPrice(Decimal("0.031"), "image"))
    engine.running(routing={"provider": "fal"})
    with engine.runtime.database.work() as session:
        known = session.get(UnitPriceRecord, ("fal", "test/pair/b"))
    assert known is not None
    assert (known.usd, known.unit) == (Decimal("0.031"), "image")


def test_where_the_price_cannot_be_read_the_last_known_one_stands(engine: Engine) -> None:
    with engine.runtime.database.work() as session:
        remember(
            session,
            provider="fal",
            endpoint="test/pair/b",
            usd=Decimal("0.029"),
            unit="image",
            at=engine.clock(),
        )
    engine.fal.prices.says(LookFailed("no price list"))
    assert engine.attempt(engine.running(routing={"provider": "fal"})).unit_price == Decimal("0.029")


def test_where_no_price_was_ever_read_the_catalogue_stands(engine: Engine) -> None:
    engine.fal.prices.says(LookFailed("no price list"))
    attempt = engine.attempt(engine.running(routing={"provider": "fal"}))
    assert (attempt.unit_price, attempt.unit) == (Decimal("0.03"), "image")


def test_where_nothing_names_a_price_it_is_not_known(engine: Engine) -> None:
    engine.fal.prices.says(LookFailed("no price list"))
    attempt = engine.attempt(engine.running("film"))
    assert (attempt.unit_price, attempt.unit, attempt.expected_nano) == (None, None, None)


def test_a_price_that_has_risen_above_the_ceiling_meanwhile_is_not_paid(engine: Engine) -> None:
    job_id = engine.accept(routing={"provider": "fal", "max_cost_usd": "0.03"})
    engine.fal.prices.says(UnitPrice(Decimal("0.0301"), "image"))
    engine.submit(job_id)
    job = engine.job(job_id)
    assert (job.status, engine.error(job_id), engine.attempts(job_id)) == ("failed", "budget_exceeded", [])
    assert job.error is not None
    assert job.error["message"] == (
        "fal test/pair/b may cost $0.0301 by now, above max_cost_usd 0.03: nothing was sent"
    )
    assert engine.held_and_spent() == (0, 0)
    assert engine.fal.submits.asked == []


def test_what_has_become_too_dear_runs_at_the_next_offer(engine: Engine) -> None:
    engine.linkmodel.prices.says(UnitPrice(Decimal("0.05"), "image"))
    job_id = engine.accept(routing={"max_cost_usd": "0.03"})
    engine.work()
    assert [attempt.provider for attempt in engine.attempts(job_id)] == ["fal"]


def test_a_job_keeps_the_price_of_its_day(engine: Engine) -> None:
    engine.fal.prices.says(UnitPrice(Decimal("0.031"), "image"))
    before = engine.running(routing={"provider": "fal"})
    engine.fal.prices.says(UnitPrice(Decimal("0.05"), "image"))
    after = engine.running(routing={"provider": "fal"})
    assert [engine.attempt(one).unit_price for one in (before, after)] == [Decimal("0.031"), Decimal("0.05")]


@pytest.mark.parametrize(("asked", "sent"), [(None, 3600), (600, 600)])
def test_what_is_not_to_be_retained_is_kept_just_long_enough_to_fetch_it(
    engine: Engine, asked: int | None, sent: int
) -> None:
    routing = {"provider": "fal", "zero_retention": True, "object_lifetime": asked}
    engine.running("flux-dev", routing={name: value for name, value in routing.items() if value})
    [submission] = engine.fal.submits.asked
    assert (submission.zero_retention, submission.object_lifetime) == (True, sent)


def test_what_another_process_has_read_since_goes_before_what_is_kept_here(engine: Engine) -> None:
    kept = UnitPrice(Decimal("0.031"), "image", engine.clock())
    engine.fal.prices.says(kept)
    engine.clock.advance(5)
    named = {"provider": "fal", "endpoint": "test/pair/b", "unit": "image"}
    with engine.runtime.database.work() as session:
        remember(session, **named, usd=Decimal("0.05"), at=engine.clock())
    assert engine.attempt(engine.running(routing={"provider": "fal"})).unit_price == Decimal("0.05")
    fresh = UnitPrice(Decimal("0.04"), "image", engine.clock())
    engine.fal.prices.says(fresh)
    assert engine.attempt(engine.running(routing={"provider": "fal"})).unit_price == Decimal("0.04")
    with engine.runtime.database.work() as session:
        known = session.get(UnitPriceRecord, ("fal", "test/pair/b"))
        assert known is not None
        assert known.usd == Decimal("0.04")
