"""When lost requests are looked for, and when not finding them is proof."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reconciling import (
    GRACE_SEARCHES,
    GRACE_SECONDS,
    Verdict,
    after_search,
    after_silence,
    next_search,
    proof_after,
)


def test_the_proof_waits_for_the_start_timeout_the_wire_and_the_list() -> None:
    assert proof_after(60, None) == 240
    assert proof_after(3600, 5) == 5
    assert proof_after(None, None) == math.inf


@pytest.mark.parametrize(
    ("age", "certain", "verdict"),
    [
        (99, True, Verdict.AGAIN),
        (100, True, Verdict.ABSENT),
        (100, False, Verdict.AGAIN),
        (3700, False, Verdict.GIVE_UP),
        (10**6, True, Verdict.ABSENT),
    ],
)
def test_only_a_certain_absence_after_its_time_is_one(age: float, verdict: Verdict, *, certain: bool) -> None:
    assert after_search(age, 100, certain=certain) is verdict


def test_a_silent_list_is_asked_for_two_days_unless_it_will_stay_so() -> None:
    assert after_silence(100 + 48 * 3600, 100, permanent=False) is Verdict.AGAIN
    assert after_silence(101 + 48 * 3600, 100, permanent=False) is Verdict.GIVE_UP
    assert after_silence(1, 100, permanent=True) is Verdict.GIVE_UP


def test_the_first_searches_fill_the_grace() -> None:
    pauses = [next_search(number, 0, math.inf) for number in range(GRACE_SEARCHES + 6)]
    assert sum(pauses[:GRACE_SEARCHES]) == GRACE_SECONDS
    assert pauses[GRACE_SEARCHES:] == [30, 60, 120, 240, 300, 300]


@given(st.integers(0, 10**6), st.floats(0, 10**6), st.floats(0, 10**6), st.floats(0, 10**6))
def test_a_search_is_never_at_once_never_beyond_the_proof_and_never_before_it_was_asked_for(
    searches: int, age: float, proof: float, asked: float
) -> None:
    pause = next_search(searches, age, proof)
    assert 0 < pause <= 300
    if age < proof:
        assert age + pause <= proof or math.isclose(age + pause, proof)
    assert next_search(searches, age, proof, asked=asked) >= asked
