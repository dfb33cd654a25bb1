"""Limits: rates that refill, endpoints with limits of their own, and how many pilots a cold endpoint gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lanes import Lane
from domain.limits import LimitBook, Limits, pilots, refilled


def test_an_endpoint_has_its_own_limits_or_its_providers() -> None:
    own, usual = Limits(in_flight=2), Limits(in_flight=40)
    book = LimitBook({"fal": usual}, {Lane("fal", "a/b"): own})
    assert book.of_lane(Lane("fal", "a/b")) == own
    assert book.of_lane(Lane("fal", "a/c")) == book.of_provider("fal") == usual
    assert book.of_lane(Lane("linkmodel", "x")) == Limits()


def test_a_rate_allows_one_seconds_worth_at_once_and_never_more() -> None:
    assert refilled(None, 0.0, 10.0) == 10.0
    assert refilled(0.0, 0.25, 10.0) == 2.5
    assert refilled(0.0, 60.0, 10.0) == 10.0
    assert refilled(None, 0.0, 0.1) == 1.0


def test_what_was_drawn_in_advance_is_made_good_first() -> None:
    assert refilled(-20.0, 1.0, 10.0) == -10.0


@given(tokens=st.floats(-1e6, 1e3), elapsed=st.floats(-10, 1e6), rate=st.floats(0.01, 1e3))
def test_time_never_takes_anything_away(tokens: float, elapsed: float, rate: float) -> None:
    burst = max(rate, 1.0)
    assert min(tokens, burst) <= refilled(tokens, elapsed, rate) <= burst


@pytest.mark.parametrize(
    ("waited", "allowed"), [(0.0, 1), (59.9, 1), (60.0, 2), (120.0, 4), (600.0, 1024), (1e9, 65536)]
)
def test_a_stuck_pilot_is_followed_by_more_and_more(waited: float, allowed: int) -> None:
    assert pilots(waited, 60.0) == allowed


def test_one_place_in_eight_is_kept_from_rows_where_there_are_as_many() -> None:
    assert [Limits(in_flight=most).kept for most in (1, 7, 8, 20, 64)] == [0, 0, 1, 2, 8]
    assert Limits().kept == 0
