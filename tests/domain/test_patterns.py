"""When requests end: told from those that have ended and those that go on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.patterns import ENOUGH, WITNESSES, Pattern, pattern_of

TIMES = st.lists(st.floats(0.1, 1e4), max_size=60)


def test_too_few_show_nothing() -> None:
    assert pattern_of([60.0] * (ENOUGH - 1), [60.0] * (WITNESSES - 1)) is None
    known = pattern_of([60.0] * ENOUGH)
    assert known is not None
    assert known.early == pytest.approx(35.85, abs=0.01)
    assert (known.low, known.middle, known.high) == (60.0, 60.0, 60.0)


def test_of_many_ends_the_quantiles_are_found() -> None:
    known = pattern_of([float(time) for time in range(1, 1001)])
    assert known is not None
    assert (known.low, known.middle, known.high) == (100.0, 500.0, 900.0)
    assert known.early == pytest.approx(15.0, rel=0.05)


def test_requests_that_go_on_say_that_none_ends_sooner() -> None:
    assert pattern_of([], [50.0] * WITNESSES) == Pattern(45.0)
    assert pattern_of([], [50.0] * (WITNESSES - 1) + [1.0]) == Pattern(0.9)


def test_the_first_ends_of_a_flood_do_not_make_the_others_look_late() -> None:
    chance = random.Random(7)
    ends = [chance.gauss(20, 4) for _ in range(2000)]
    now = [12 + 10 * chance.random() for _ in ends]  # all were taken within ten seconds
    ended = [end for end, age in zip(ends, now, strict=True) if end <= age]
    going = [age for end, age in zip(ends, now, strict=True) if end > age]
    whole, sooner, late = pattern_of(ends), pattern_of(ended, going), pattern_of(ended)
    assert whole is not None
    assert sooner is not None
    assert late is not None
    assert whole.middle is not None
    assert sooner.middle == pytest.approx(whole.middle, rel=0.03)
    assert late.middle is not None
    assert late.middle < 0.9 * whole.middle


def test_an_end_and_an_age_at_the_same_time_are_both_at_risk() -> None:
    known = pattern_of([10.0] * ENOUGH, [10.0] * ENOUGH)
    assert known is not None
    assert (known.low, known.middle, known.high) == (10.0, 10.0, None)


@given(ended=TIMES, going=TIMES)
def test_a_pattern_is_in_order(ended: list[float], going: list[float]) -> None:
    known = pattern_of(ended, going)
    if known is None:
        assert len(ended) < ENOUGH
        assert len(going) < WITNESSES
        return
    told = [time for time in (known.early, known.low, known.middle, known.high) if time is not None]
    assert told == sorted(told) or known.low is None
    assert all(time <= max([*ended, *going]) for time in told)
