"""When a callback is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import JITTER, SCHEDULE, Delivered, GivenUp, TryAgain, after_try


def test_the_schedule_is_the_documented_one() -> None:
    minute, hour = 60, 3600
    assert (
        5,
        5 * minute,
        30 * minute,
        2 * hour,
        5 * hour,
        10 * hour,
        14 * hour,
        20 * hour,
        24 * hour,
    ) == SCHEDULE


def test_what_was_taken_is_delivered_whatever_else_came() -> None:
    assert after_try(tries=99, ok=True, status=200, retry_after=60, chance=1) == Delivered()


@pytest.mark.parametrize(
    ("tries", "status", "chance", "follows"),
    [
        (1, 500, 0.0, TryAgain(5.0)),
        (1, None, 1.0, TryAgain(5.5)),
        (2, 302, 0.5, TryAgain(315.0)),
        (9, 500, 1.0, TryAgain(86_400.0)),
        (10, 500, 0.0, GivenUp()),
        (1, 410, 0.0, GivenUp()),
    ],
)
def test_what_was_not_taken_is_tried_again_on_the_schedule(
    tries: int, status: int | None, chance: float, follows: TryAgain | GivenUp
) -> None:
    assert after_try(tries=tries, ok=False, status=status, retry_after=None, chance=chance) == follows


@pytest.mark.parametrize(("asked", "seconds"), [(1.0, 5.0), (100.0, 100.0), (1e9, 86_400.0)])
def test_a_receiver_can_only_ask_for_a_longer_wait_and_for_a_day_at_most(
    asked: float, seconds: float
) -> None:
    assert after_try(tries=1, ok=False, status=429, retry_after=asked, chance=0) == TryAgain(seconds)


@given(st.integers(1, len(SCHEDULE)), st.floats(0, 1))
def test_chance_only_spreads_the_tries(tries: int, chance: float) -> None:
    follows = after_try(tries=tries, ok=False, status=503, retry_after=None, chance=chance)
    planned = SCHEDULE[tries - 1]
    assert isinstance(follows, TryAgain)
    assert planned <= follows.seconds <= min(planned * (1 + JITTER), SCHEDULE[-1])
