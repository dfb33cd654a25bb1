"""Whether a failed try is repeated, where and when, as arithmetic."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost
from domain.failures import MARKER_REFUSED, ErrorCode, Failure
from domain.retry import (
    DEFAULT_MAX_ATTEMPTS,
    GIVE_UP_SECONDS,
    SHORT_WAIT_SECONDS,
    Again,
    Tried,
    after_refusal,
    after_verdict,
)

FINAL = (ErrorCode.CONTENT_POLICY, ErrorCode.INVALID_INPUT, ErrorCode.INSUFFICIENT_FUNDS)


def tried(
    position: int = 0,
    exhausted: Sequence[bool] = (False, False),
    *,
    taken: int = 1,
    refusals: int = 1,
    age: float = 0.0,
    fallback: bool = True,
    most: int = DEFAULT_MAX_ATTEMPTS,
) -> Tried:
    return Tried(position, exhausted, taken, refusals, age, fallback, most)


def failure(
    code: ErrorCode = ErrorCode.PROVIDER_FAILED,
    *,
    retryable: bool = True,
    elsewhere: bool = False,
    busy: bool = False,
) -> Failure:
    return Failure(code, "it failed", retryable=retryable, elsewhere=elsewhere, busy=busy)


@pytest.mark.parametrize(
    ("so_far", "again"),
    [
        (tried(0), Again(1, 0.0)),
        (tried(1), Again(0, 1.0)),
        (tried(0, (False, True, False)), Again(2, 0.0)),
        (tried(2, (True, False, False)), Again(1, 1.0)),
        (tried(0, (False, True)), Again(0, 1.0)),
        (tried(0, (False,)), Again(0, 1.0)),
        (tried(0, (False, False), fallback=False), Again(0, 1.0)),
        (tried(0, (True, True)), None),
        (tried(0, (True, False)), Again(1, 0.0)),
    ],
)
def test_the_next_offer_comes_first_then_the_same_after_a_pause(so_far: Tried, again: Again | None) -> None:
    assert after_refusal(failure(), so_far, retry_after=None) == again
    assert after_verdict(failure(), NOT_BILLED, so_far) == again


def test_an_offer_that_keeps_refusing_is_not_asked_again() -> None:
    gone = failure(retryable=False, elsewhere=True)
    assert after_refusal(gone, tried(0, (True,)), retry_after=None) is None
    assert after_refusal(gone, tried(0, (False,)), retry_after=None) is None
    assert after_refusal(gone, tried(0, (True, False)), retry_after=None) == Again(1, 0.0)


@pytest.mark.parametrize(
    ("refusals", "pause"), [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (5000, 60.0)]
)
def test_pauses_double_up_to_a_minute(refusals: int, pause: float) -> None:
    so_far = tried(0, (False,), refusals=refusals)
    assert after_refusal(failure(), so_far, retry_after=None) == Again(0, pause)


@pytest.mark.parametrize(("asked", "pause"), [(0.0, 0.0), (17.5, 17.5), (1e9, GIVE_UP_SECONDS)])
def test_a_wait_that_was_asked_for_is_kept_within_reason(asked: float, pause: float) -> None:
    assert after_refusal(failure(), tried(0, (False,)), retry_after=asked) == Again(0, pause)


@pytest.mark.parametrize("code", FINAL)
def test_what_is_wrong_everywhere_is_never_tried_again(code: ErrorCode) -> None:
    hopeful = failure(code, elsewhere=True)
    assert after_refusal(hopeful, tried(), retry_after=1.0) is None
    assert after_verdict(hopeful, NOT_BILLED, tried()) is None


def test_what_no_try_can_mend_is_not_tried_again() -> None:
    hopeless = failure(retryable=False)
    assert after_refusal(hopeless, tried(), retry_after=None) is None
    assert after_verdict(hopeless, NOT_BILLED, tried()) is None


def test_refusals_are_bounded_by_time() -> None:
    assert after_refusal(failure(), tried(age=GIVE_UP_SECONDS), retry_after=None) is not None
    assert after_refusal(failure(), tried(age=GIVE_UP_SECONDS + 0.1), retry_after=None) is None


def test_generations_are_bounded_by_number() -> None:
    for most in (1, DEFAULT_MAX_ATTEMPTS, 10):
        assert after_verdict(failure(), NOT_BILLED, tried(taken=most - 1, age=1e9, most=most)) is not None
        assert after_verdict(failure(), NOT_BILLED, tried(taken=most, most=most)) is None


def test_a_busy_provider_is_waited_for_where_it_asks_for_little_time() -> None:
    busy = failure(busy=True)
    assert after_refusal(busy, tried(0), retry_after=SHORT_WAIT_SECONDS) == Again(0, SHORT_WAIT_SECONDS)
    assert after_refusal(busy, tried(0, refusals=3), retry_after=None) == Again(0, 4.0)


def test_a_busy_provider_that_asks_for_much_time_is_passed_over_where_another_may_take_the_job() -> None:
    busy = failure(busy=True)
    assert after_refusal(busy, tried(0), retry_after=31.0) == Again(1, 0.0)
    assert after_refusal(busy, tried(0, (False, True)), retry_after=31.0) == Again(0, 31.0)
    assert after_refusal(busy, tried(0, fallback=False), retry_after=31.0) == Again(0, 31.0)


def test_a_busy_provider_never_fails_a_job() -> None:
    assert after_refusal(failure(busy=True), tried(age=1e9), retry_after=2.0) == Again(0, 2.0)


@pytest.mark.parametrize(
    "cost",
    [UNKNOWN_COST, Cost(1, Basis.CATALOGUE, final=False), Cost(10**9, Basis.PROVIDER_PRICE, final=True)],
)
def test_what_may_have_been_billed_is_never_repeated(cost: Cost) -> None:
    assert after_verdict(failure(elsewhere=True), cost, tried()) is None


@given(
    exhausted=st.lists(st.booleans(), min_size=1, max_size=5),
    data=st.data(),
    fallback=st.booleans(),
    elsewhere=st.booleans(),
    refusals=st.integers(0, 10_000),
)
def test_the_next_try_is_always_at_an_offer_that_may_still_take_it(
    exhausted: list[bool], data: st.DataObject, refusals: int, *, fallback: bool, elsewhere: bool
) -> None:
    position = data.draw(st.integers(0, len(exhausted) - 1))
    so_far = tried(position, exhausted, refusals=refusals, fallback=fallback)
    again = after_refusal(failure(elsewhere=elsewhere), so_far, retry_after=None)
    if again is None:
        others = [gone for place, gone in enumerate(exhausted) if place != position]
        assert not fallback or all(others)
        assert elsewhere or exhausted[position]
    else:
        assert not exhausted[again.position]
        assert 0.0 <= again.delay <= 60.0
        assert fallback or again.position == position


def test_a_field_of_our_own_costs_no_try_and_calls_for_no_other_offer() -> None:
    forbidden = Failure(ErrorCode.PROVIDER_FAILED, "no such field", MARKER_REFUSED, retryable=True)
    assert after_verdict(forbidden, NOT_BILLED, tried(0, most=1)) == Again(0, 0.0)
    assert after_verdict(forbidden, NOT_BILLED, tried(0, taken=2, most=1)) is None
    assert after_verdict(forbidden, UNKNOWN_COST, tried(0)) is None
    assert after_refusal(forbidden, tried(0), retry_after=None) == Again(0, 1.0)
    assert after_refusal(forbidden, tried(0, age=GIVE_UP_SECONDS + 1), retry_after=None) is None
