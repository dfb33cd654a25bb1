"""Where the time went: phases add up, whatever the provider tells and however often one looks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timeline import Phase, PhaseClock, advance, finish, latency, queued_phase

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WAITING, COLD, WORKING = Phase.PROVIDER_QUEUE, Phase.COLD_START, Phase.GENERATION


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("position", "current", "phase"),
    [
        (3, None, WAITING),
        (0, None, COLD),
        (0, WAITING, COLD),
        (2, COLD, WAITING),
        (None, None, WAITING),
        (None, COLD, COLD),
        (None, WAITING, WAITING),
        (None, WORKING, WAITING),
    ],
)
def test_the_head_of_the_queue_is_a_cold_start(
    position: int | None, current: Phase | None, phase: Phase
) -> None:
    assert queued_phase(position, current) is phase


def test_time_belongs_to_the_phase_that_was_seen_before() -> None:
    clock = advance(PhaseClock(WAITING, NOON), COLD, after(4))
    clock = advance(clock, COLD, after(6))
    clock = advance(clock, WORKING, after(9))
    assert clock == PhaseClock(WORKING, after(9), {"provider_queue": 4.0, "cold_start": 5.0})


def test_time_before_the_first_word_belongs_to_what_it_says() -> None:
    assert advance(PhaseClock(None, NOON), WORKING, after(2)).phases == {"generation": 2.0}


def test_a_clock_that_goes_backwards_adds_nothing() -> None:
    assert advance(PhaseClock(WAITING, NOON), WORKING, after(-5)).phases == {"provider_queue": 0.0}


@pytest.mark.parametrize(
    ("phase", "inference", "interval", "phases"),
    [
        (WORKING, None, 2.0, {"generation": 10.0}),
        (None, None, None, {"generation": 10.0}),
        (WAITING, None, None, {"provider_queue": 10.0}),
        (WORKING, "9", 2.0, {"generation": 9.0, "detection": 1.0}),
        (WORKING, "4", 2.0, {"generation": 8.0, "detection": 2.0}),
        (WORKING, "4", None, {"generation": 4.0, "detection": 6.0}),
        (WORKING, "12", 2.0, {"generation": 10.0, "detection": 0.0}),
        (WORKING, "12", None, {"generation": 10.0, "detection": 0.0}),
        (COLD, "3", 2.0, {"cold_start": 7.0, "generation": 3.0, "detection": 0.0}),
        (None, "3", 2.0, {"provider_queue": 7.0, "generation": 3.0, "detection": 0.0}),
        (WAITING, "30", 2.0, {"provider_queue": 0.0, "generation": 10.0, "detection": 0.0}),
    ],
)
def test_the_providers_own_figure_tells_work_from_waiting(
    phase: Phase | None, inference: str | None, interval: float | None, phases: dict[str, float]
) -> None:
    figure = None if inference is None else Decimal(inference)
    assert finish(PhaseClock(phase, NOON), after(10), inference=figure, interval=interval) == phases


def test_a_change_is_taken_to_have_come_in_the_middle_between_two_looks() -> None:
    clock = advance(PhaseClock(COLD, NOON), WORKING, after(9), gap=2.0)
    assert clock == PhaseClock(WORKING, after(8), {"cold_start": 8.0})
    clock = advance(PhaseClock(COLD, NOON), WORKING, after(1), gap=2.0)
    assert clock == PhaseClock(WORKING, after(0.5), {"cold_start": 0.5})


@pytest.mark.parametrize(
    ("waited", "interval", "phases"),
    [
        ({"cold_start": 5.0}, 2.0, {"cold_start": 3.0, "generation": 12.0}),
        ({"cold_start": 5.0}, 9.0, {"cold_start": 2.0, "generation": 13.0}),
        (
            {"cold_start": 1.0, "provider_queue": 4.0},
            9.0,
            {"cold_start": 0.0, "provider_queue": 2.0, "generation": 13.0},
        ),
    ],
)
def test_work_that_took_longer_than_it_was_seen_began_before_it_was_seen(
    waited: dict[str, float], interval: float, phases: dict[str, float]
) -> None:
    clock = PhaseClock(WORKING, NOON, waited)
    found = finish(clock, after(10), inference=Decimal(13), interval=interval)
    assert found == phases | {"detection": 0.0}


seconds = st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000)
sights = st.lists(st.tuples(st.sampled_from([WAITING, COLD, WORKING]), seconds), max_size=8)
figures = st.none() | st.decimals(0, 10**6, places=3)


@given(sights, seconds, figures, st.none() | seconds, st.sampled_from([None, WAITING, COLD]))
def test_the_phases_add_up_to_the_time_between_accept_and_verdict(
    seen: list[tuple[Phase, float]],
    last: float,
    inference: Decimal | None,
    interval: float | None,
    first: Phase | None,
) -> None:
    clock, at = PhaseClock(first, NOON), NOON
    for phase, waited in seen:
        at += timedelta(seconds=waited)
        clock = advance(clock, phase, at, gap=interval)
    at += timedelta(seconds=last)
    phases = finish(clock, at, inference=inference, interval=interval)
    assert sum(phases.values()) == pytest.approx((at - NOON).total_seconds(), abs=1e-4)
    assert all(spent >= 0 for spent in phases.values())


def test_what_is_left_of_the_total_was_ours() -> None:
    attempts = [{"provider_queue": 1.0, "generation": 2.0}, {"generation": 3.0, "download": 0.25}]
    assert latency(10.0, [dict(phases) for phases in attempts]) == {
        "total": 10.0,
        "queue": 3.75,
        "provider_queue": 1.0,
        "cold_start": None,
        "generation": 5.0,
        "detection": None,
        "download": 0.25,
        "store": None,
    }


def test_phases_that_exceed_the_total_leave_nothing_to_us() -> None:
    assert latency(1.0, [{"generation": 2.0}])["queue"] == 0.0


def test_a_job_that_only_waited_waited_with_us() -> None:
    assert latency(4.0, [])["queue"] == 4.0
