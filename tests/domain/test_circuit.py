"""A provider's circuit: opened by a row of troubles, probed, and closed by one answer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.circuit import OPENS_AT, Circuit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def after(circuit: Circuit, *, answered: bool = False, troubles: int = 0, seconds: float = 0.0) -> Circuit:
    return circuit.after(answered=answered, troubles=troubles, now=NOON + timedelta(seconds=seconds))


def opened() -> Circuit:
    return after(Circuit(), troubles=OPENS_AT)


def test_a_few_troubles_are_no_row() -> None:
    circuit = after(Circuit(), troubles=OPENS_AT - 1)
    assert not circuit.is_open(NOON)
    assert not circuit.is_probed(NOON)
    assert after(circuit, answered=True) == Circuit()


def test_a_row_of_troubles_opens_it_for_five_seconds_and_then_it_is_probed() -> None:
    circuit = after(after(Circuit(), troubles=OPENS_AT - 1), troubles=1)
    for seconds, is_open in ((0.0, True), (4.9, True), (5.0, False)):
        now = NOON + timedelta(seconds=seconds)
        assert (circuit.is_open(now), circuit.is_probed(now)) == (is_open, not is_open)


def test_many_troubles_at_once_open_it_no_longer_than_a_row_of_them() -> None:
    assert after(Circuit(), troubles=100) == opened()


def test_what_fails_while_it_is_open_was_sent_before_and_does_not_count() -> None:
    assert after(opened(), troubles=50, seconds=4.9) == opened()


@pytest.mark.parametrize(("failed", "pause"), [(1, 10), (2, 20), (3, 40), (4, 60), (50, 60)])
def test_each_probe_that_fails_doubles_the_wait_up_to_a_minute(failed: int, pause: int) -> None:
    circuit, at = opened(), 5.0
    for _ in range(failed):
        circuit = after(circuit, troubles=1, seconds=at)
        assert circuit.open_until is not None
        at = (circuit.open_until - NOON).total_seconds()
        before = at
    assert circuit.is_open(NOON + timedelta(seconds=before - 0.1))
    start = circuit.open_until
    again = circuit.after(answered=False, troubles=1, now=start) if start else circuit
    assert again.open_until is not None
    assert start is not None
    assert (again.open_until - start).total_seconds() == min(pause * 2, 60)


@given(troubles=st.integers(0, 200), seconds=st.floats(0, 1e6))
def test_one_answer_closes_it(troubles: int, seconds: float) -> None:
    circuit = after(Circuit(), troubles=troubles)
    assert after(circuit, answered=True, troubles=troubles, seconds=seconds) == Circuit()


def test_nothing_heard_changes_nothing() -> None:
    assert after(opened()) == opened()
