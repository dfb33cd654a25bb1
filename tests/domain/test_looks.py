"""When to look next: played through for many requests, and at its edges."""

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.looks import Schedule, pause, quantile
from domain.patterns import ENOUGH, Pattern, pattern_of

TIMES = st.lists(st.floats(0.1, 1e5), max_size=64)


def schedule(**fields: object) -> Schedule:
    defaults: dict[str, object] = {"usual": 2.0, "least": 1.0, "shows_start": True}
    return Schedule(**(defaults | fields))  # type: ignore[arg-type]


def times(seed: int, middle: float, spread: float, count: int) -> list[float]:
    chance = random.Random(seed)
    return [max(chance.gauss(middle, spread), 1.0) for _ in range(count)]


@pytest.mark.parametrize(("middle", "spread"), [(60.0, 10.0), (20.0, 4.0), (120.0, 6.0)])
def test_ends_are_seen_soon_with_few_looks(middle: float, spread: float) -> None:
    known = pattern_of(times(1, middle, spread, 64))
    lateness, looks = [], []
    for end in times(2, middle, spread, 2000):
        age, count = 1.0, 1
        while age < end:
            age += pause(age, schedule(usual=max(1.0, 0.05 * age), pattern=known), generating=True)
            count += 1
        lateness.append((age - end) / end)
        looks.append(count)
    assert median(lateness) <= 0.05
    assert quantile(lateness, 0.99) <= 0.15
    assert sum(looks) / len(looks) <= 9.5


def test_until_enough_is_known_the_providers_schedule_holds() -> None:
    assert pause(1.0, schedule(), generating=True) == 2.0


def test_nothing_is_asked_before_an_end_is_likely() -> None:
    assert pause(1.0, schedule(pattern=Pattern(early=41.0)), generating=True) == 40.0


def test_looks_lie_closest_where_most_end() -> None:
    known = schedule(pattern=Pattern(early=40.0, low=50.0, middle=60.0, high=70.0))
    assert pause(42.0, known, generating=True) == pytest.approx(0.13 * 42)
    assert pause(49.0, known, generating=True) == pytest.approx(0.075 * 49)
    assert pause(60.0, known, generating=True) == pytest.approx(0.075 * 60)
    assert pause(75.0, known, generating=True) == pytest.approx(0.13 * 75)
    assert pause(1000.0, known, generating=True) == 30.0


def test_looks_tell_when_the_runner_starts() -> None:
    known = Pattern(early=41.0)
    assert pause(1.0, schedule(pattern=known), generating=False) == 2.0
    assert pause(1.0, schedule(pattern=known, shows_start=False), generating=False) == 40.0


def test_a_warm_runner_that_starts_at_once_is_not_watched_starting() -> None:
    quick = {"pattern": Pattern(early=41.0), "started": (0.5,) * ENOUGH}
    assert pause(1.0, schedule(**quick, warm=True), generating=False) == 40.0
    assert pause(1.0, schedule(**quick, warm=False), generating=False) == 2.0
    slow = quick | {"started": (0.5, 0.5, 0.5, 0.5, 10.0)}
    assert pause(1.0, schedule(**slow, warm=True), generating=False) == 2.0
    unknown = quick | {"started": (0.5,) * (ENOUGH - 1)}
    assert pause(1.0, schedule(**unknown, warm=True), generating=False) == 2.0


def test_where_webhooks_come_one_look_sees_the_start_and_few_guard_the_end() -> None:
    told = schedule(hooked=True, pattern=Pattern(early=40.0, middle=60.0), started=(5.0,) * 5)
    assert pause(0.0, told, generating=False) == 6.0
    assert pause(6.0, told, generating=True) == 114.0
    assert pause(130.0, told, generating=True) == 60.0


def test_where_webhooks_come_and_runners_start_at_once_only_a_lost_one_is_looked_for() -> None:
    known = Pattern(early=41.0, middle=60.0)
    told = schedule(hooked=True, pattern=known, started=(0.5,) * ENOUGH, warm=True)
    assert pause(0.0, told, generating=False) == 120.0


def test_a_webhook_that_never_came_before_is_waited_for_half_a_minute() -> None:
    assert pause(3.0, schedule(hooked=True), generating=False) == 27.0
    assert pause(0.0, schedule(hooked=True), generating=False) == 2.4
    assert pause(0.0, schedule(hooked=True, shows_start=False), generating=False) == 30.0


@given(
    age=st.floats(0, 1e5),
    took=TIMES,
    started=TIMES,
    least=st.floats(0.5, 30),
    generating=st.booleans(),
    hooked=st.booleans(),
    shows_start=st.booleans(),
    warm=st.booleans(),
)
def test_nobody_looks_more_often_than_the_provider_bears(
    age: float,
    took: list[float],
    started: list[float],
    least: float,
    generating: bool,  # noqa: FBT001
    hooked: bool,  # noqa: FBT001
    shows_start: bool,  # noqa: FBT001
    warm: bool,  # noqa: FBT001
) -> None:
    one = schedule(
        usual=least,
        least=least,
        pattern=pattern_of(took),
        started=started,
        hooked=hooked,
        shows_start=shows_start,
        warm=warm,
    )
    assert pause(age, one, generating=generating) >= least


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.05) == 1.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([1.0], 1.0) == 1.0
