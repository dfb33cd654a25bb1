"""What becomes of requests that are to be erased at their provider."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.erasing import GIVEN_UP_AFTER, There, after_no_answer, pause_after, together

DAY = timedelta(days=1)
NOW = timedelta(0)


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ([], "none"),
        (["erased", "absent"], "erased"),
        (["erased", "pending", "impossible"], "pending"),
        (["erased", "impossible"], "partly"),
        (["impossible"], "impossible"),
        (["impossible", "failed"], "failed"),
    ],
)
def test_one_word_stands_for_all_requests_of_a_job(states: list[str], word: str) -> None:
    assert together(There(state) for state in states) == word


@pytest.mark.parametrize(
    ("missing", "permanent", "over", "age", "state"),
    [
        (False, False, True, NOW, There.PENDING),
        (False, False, True, GIVEN_UP_AFTER, There.FAILED),
        (False, True, False, NOW, There.IMPOSSIBLE),
        (True, False, True, NOW, There.ABSENT),
        (True, False, False, NOW, There.PENDING),
        (True, False, False, DAY, There.ABSENT),
    ],
)
def test_a_request_that_may_still_be_on_its_way_is_asked_about_for_a_day(
    *, missing: bool, permanent: bool, over: bool, age: timedelta, state: There
) -> None:
    assert after_no_answer(missing=missing, permanent=permanent, over=over, age=age) is state


@given(st.integers(0, 10_000))
def test_pauses_grow_to_six_hours_and_no_further(tries: int) -> None:
    assert pause_after(0) == timedelta(minutes=1)
    assert pause_after(tries) <= pause_after(tries + 1) <= timedelta(hours=6)
