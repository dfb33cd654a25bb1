"""Verdicts: the cost is booked once, and only what was certainly free is tried again."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.retry import DEFAULT_MAX_ATTEMPTS
from providers.base import Ended, Finished, Generating, Output, Queued, UnitPrice
from services import looking
from services.cancel import cancel
from services.reading import job as read_job
from tests.support.engine import WATCHER, Engine

PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)
FILE = (Output("https://media.example/1.png", "image/png"),)
BROKEN = Failure(ErrorCode.PROVIDER_FAILED, "the runner died", "500", retryable=True)
RUDE = Failure(ErrorCode.CONTENT_POLICY, "refused by a filter", retryable=True, elsewhere=True)
BROKE = Failure(ErrorCode.INSUFFICIENT_FUNDS, "the balance is used up", retryable=True, elsewhere=True)
LATE = Failure(ErrorCode.START_TIMEOUT, "it never started", elsewhere=True)
NO = Failure(ErrorCode.PROVIDER_FAILED, "it cannot be made")


def test_a_finished_job_goes_on_to_its_files_with_its_cost_booked(engine: Engine) -> None:
    job_id = engine.running()
    outputs = (*FILE, Output("https://media.example/mask.png", extra=True))
    engine.sees(job_id, Finished(outputs, PAID, Decimal("0.4"), filtered=1))
    attempt = engine.attempt(job_id)
    assert (engine.job(job_id).status, attempt.status) == ("storing", "storing")
    assert attempt.outputs == [
        {"url": "https://media.example/1.png", "content_type": "image/png", "extra": False},
        {"url": "https://media.example/mask.png", "content_type": None, "extra": True},
    ]
    assert (attempt.cost_nano, attempt.cost_basis, attempt.cost_final) == (20_000_000, "provider_price", True)
    assert attempt.filtered == 1
    assert engine.bookings(job_id) == [("reserve", 30_000_000), ("settle", 20_000_000)]
    assert engine.due_in(job_id) == 0.0


def test_one_verdict_seen_by_many_at_once_is_booked_once(engine: Engine) -> None:
    job_id = engine.running()
    look = engine.look(job_id, Finished(FILE, PAID))
    start = threading.Barrier(5)

    def record() -> None:
        start.wait()
        looking.record(engine.runtime, [look], owner=WATCHER)

    threads = [threading.Thread(target=record) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.bookings(job_id) == [("reserve", 30_000_000), ("settle", 20_000_000)]
    assert engine.held_and_spent() == (30_000_000, 20_000_000)


def test_billed_units_are_kept_beside_the_cost(engine: Engine) -> None:
    job_id = engine.running()
    cost = Cost(31_250_000, Basis.BILLABLE_UNITS, final=True, units=Decimal("1.25"))
    engine.sees(job_id, Finished(FILE, cost))
    assert engine.attempt(job_id).billed_units == Decimal("1.25")


def test_a_cancel_that_comes_too_late_says_so_and_the_result_is_kept(engine: Engine) -> None:
    job_id = engine.running()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    engine.sees(job_id, Finished(FILE, PAID))
    assert engine.job(job_id).status == "storing"
    assert engine.steps(job_id)[-3:] == ["provider_end", "detected", "cancel_too_late"]
    assert ("settle", 20_000_000) in engine.bookings(job_id)


def test_units_that_were_billed_before_their_price_could_be_had_are_settled_at_it(engine: Engine) -> None:
    done, gone = engine.running(), engine.running(routing={"fallback": False})
    guess = Cost(20_000_000, Basis.CATALOGUE, final=False, units=Decimal("1.5"))
    unknown = Cost(None, None, final=False, units=Decimal(2))
    price = UnitPrice(Decimal("0.03"), "image")
    looks = [
        replace(engine.look(done, Finished(FILE, guess)), price=price),
        replace(engine.look(gone, Ended(NO, unknown)), price=price),
    ]
    looking.record(engine.runtime, looks, owner=WATCHER)
    for job_id, nano in ((done, 45_000_000), (gone, 60_000_000)):
        attempt = engine.attempt(job_id)
        assert (attempt.cost_nano, attempt.cost_basis, attempt.cost_final) == (nano, "billable_units", True)
        assert (attempt.unit, attempt.unit_price) == ("image", Decimal("0.03"))
        assert ("settle", nano) in engine.bookings(job_id)


def test_what_starting_the_runner_took_is_part_of_a_cost_by_the_gpu_second(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Queued(0), after=4)
    engine.clock.advance(6)
    cost = Cost(10_000_000, Basis.GPU_SECONDS, final=False, units=Decimal(5))
    look = engine.look(job_id, Finished(FILE, cost, Decimal(5)))
    price = UnitPrice(Decimal("0.002"), "gpu second")
    with engine.runtime.database.work() as session:
        session.merge(engine.attempt(job_id)).unit_price = price.usd
    looking.record(engine.runtime, [look], owner=WATCHER)
    attempt = engine.attempt(job_id)
    assert attempt.phases["cold_start"] == 5.0
    assert (attempt.spin_up_nano, attempt.cost_nano) == (10_000_000, 20_000_000)


def test_a_cost_that_is_not_known_is_no_booking_and_stays_open(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(NO, UNKNOWN_COST))
    job = engine.job(job_id)
    assert (job.status, job.cost_nano, job.cost_final) == ("failed", None, False)
    assert engine.bookings(job_id) == [("reserve", 30_000_000)]
    assert engine.held_and_spent() == (30_000_000, 0)
    assert job.reserved_nano == 30_000_000


def test_a_failure_that_was_paid_for_ends_the_job_and_frees_the_rest(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(NO, PAID))
    job = engine.job(job_id)
    assert (job.status, job.cost_nano, job.cost_basis) == ("failed", 20_000_000, "provider_price")
    assert engine.bookings(job_id) == [
        ("reserve", 30_000_000),
        ("settle", 20_000_000),
        ("release", -30_000_000),
    ]
    assert engine.held_and_spent() == (0, 20_000_000)


@pytest.mark.parametrize(
    ("failure", "cost"),
    [
        (BROKEN, PAID),
        (BROKEN, UNKNOWN_COST),
        (BROKEN, Cost(1, Basis.CATALOGUE, final=False)),
        (RUDE, NOT_BILLED),
        (BROKE, NOT_BILLED),
        (NO, NOT_BILLED),
    ],
)
def test_what_may_have_been_billed_or_will_fail_again_is_not_repeated(
    engine: Engine, failure: Failure, cost: Cost
) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(failure, cost))
    engine.work()
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", failure.code.value)
    assert len(engine.linkmodel.submits.asked) == 1
    assert engine.fal.submits.asked == []


def test_a_free_failure_goes_on_at_the_next_offer(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    assert (engine.job(job_id).status, engine.job(job_id).provider) == ("queued", "fal")
    engine.work()
    assert [attempt.provider for attempt in engine.attempts(job_id)] == ["linkmodel", "fal"]
    assert [attempt.status for attempt in engine.attempts(job_id)] == ["failed", "running"]


def test_a_free_failure_without_fallback_is_tried_again_at_the_same_offer_after_a_pause(
    engine: Engine,
) -> None:
    job_id = engine.running(routing={"fallback": False})
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    assert (engine.job(job_id).status, engine.job(job_id).provider) == ("queued", "linkmodel")
    assert engine.due_in(job_id) == 1.0


def test_a_job_is_generated_three_times_at_most(engine: Engine) -> None:
    job_id = engine.accept(routing={"fallback": False})
    for _ in range(DEFAULT_MAX_ATTEMPTS):
        engine.clock.advance(60)
        engine.work()
        engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    engine.clock.advance(60)
    engine.work()
    assert (engine.job(job_id).status, len(engine.attempts(job_id))) == ("failed", DEFAULT_MAX_ATTEMPTS)
    assert engine.held_and_spent() == (0, 0)


def test_a_start_timeout_is_tried_elsewhere_only(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(LATE, NOT_BILLED))
    engine.work()
    assert engine.job(job_id).provider == "fal"
    engine.sees(job_id, Ended(LATE, NOT_BILLED))
    engine.clock.advance(60)
    engine.work()
    assert (engine.job(job_id).status, engine.error(job_id)) == ("failed", "start_timeout")
    assert len(engine.linkmodel.submits.asked) == len(engine.fal.submits.asked) == 1


def test_the_costs_of_all_attempts_add_up_on_the_best_basis(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED))
    engine.work()
    engine.sees(job_id, Ended(NO, PAID))
    job = engine.job(job_id)
    assert (job.cost_nano, job.cost_basis, job.cost_final) == (20_000_000, "provider_price", True)


def test_a_request_that_the_provider_says_was_canceled_ends_the_job_so(engine: Engine) -> None:
    job_id = engine.running()
    gone = Failure(ErrorCode.CANCELED, "canceled at the provider")
    engine.sees(job_id, Ended(gone, NOT_BILLED, canceled=True))
    assert (engine.job(job_id).status, engine.attempt(job_id).status) == ("canceled", "canceled")
    assert engine.held_and_spent() == (0, 0)


def test_a_late_failure_settles_a_reviewed_job(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.intervals.says(None)
    engine.sees(job_id, Generating(), Ended(NO, PAID))
    assert (engine.job(job_id).status, engine.attempt(job_id).status) == ("failed", "failed")
    assert engine.held_and_spent() == (0, 20_000_000)


def test_the_phases_of_a_job_add_up_to_its_total(engine: Engine) -> None:
    job_id = engine.accept()
    engine.clock.advance(2.5)
    engine.submit(job_id)
    engine.sees(job_id, Queued(3), Queued(0), Generating(), after=1.25)
    engine.sees(job_id, Ended(BROKEN, NOT_BILLED, inference_seconds=Decimal("3.5")), after=4)
    engine.clock.advance(1)
    engine.submit(job_id)
    engine.sees(job_id, Ended(NO, PAID, inference_seconds=Decimal(6)), after=7)
    latency = read_job(engine.runtime, project_id=engine.project_id, job_id=job_id)["latency"]
    assert latency["total"] == 18.25
    assert latency == {
        "total": 18.25,
        "queue": 3.5,
        "provider_queue": 2.875,
        "cold_start": 0.938,
        "generation": 9.5,
        "detection": 1.438,
        "download": None,
        "store": None,
    }
    # Shown to the millisecond.
    told = sum(value for name, value in latency.items() if name != "total" and value)
    assert told == pytest.approx(18.25, abs=0.004)
