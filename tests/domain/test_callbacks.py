"""When a callback is tried again, and what is known of the host that it goes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import (
    JITTER,
    SCHEDULE,
    Delivered,
    GivenUp,
    Host,
    HostState,
    TryAgain,
    after_try,
    host_after,
    is_away,
)


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


@pytest.mark.parametrize("status", [None, 502, 503, 504])
def test_nobody_is_at_home_where_nothing_or_a_gateway_answers(status: int | None) -> None:
    assert is_away(status)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 410, 429, 500])
def test_whoever_answers_is_at_home_whatever_the_answer(status: int) -> None:
    assert not is_away(status)


@given(st.sampled_from(HostState), st.integers(0, 10_000), st.integers(0, 64))
def test_a_host_that_answers_is_good_at_once(state: HostState, failures: int, away: int) -> None:
    assert host_after(Host(state, failures), answered=True, away=away) == Host(HostState.GOOD, 0)


@given(st.sampled_from(HostState), st.integers(0, 10_000), st.integers(1, 64))
def test_a_host_that_does_not_answer_is_away_unless_it_is_the_first_trouble_of_a_good_one(
    state: HostState, failures: int, away: int
) -> None:
    after = host_after(Host(state, failures), answered=False, away=away)
    assert after.failures == failures + away
    assert (after.state == HostState.SLOW) == (state != HostState.GOOD or failures + away >= 3)
    assert after.state != HostState.NEW


@given(st.integers(0, 10**9))
def test_the_pause_grows_with_the_failures_up_to_a_minute(failures: int) -> None:
    pause = Host(HostState.SLOW, failures).pause
    assert 0 <= pause <= 60
    assert pause <= Host(HostState.SLOW, failures + 1).pause


def test_a_host_is_left_alone_for_a_second_first_and_for_a_minute_in_the_end() -> None:
    pauses = [Host(HostState.SLOW, failures).pause for failures in range(1, 9)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
