"""Evidence of prices: which jobs are comparable, and what their costs come to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence import KEPT, WINDOW, Sample, evidence, kept, price_name, shape
from domain.generation import GenerationInput

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEFAULTS = {"duration": 5, "resolution": "720p", "audio": False, "size": "square"}


def like(**inputs: object) -> str:
    return shape(DEFAULTS, GenerationInput.model_validate({"prompt": "a kite"} | inputs))


def test_a_shape_is_text_that_people_can_read() -> None:
    assert like(audio=True, image_url="https://a.example/1.png") == (
        "audio=yes duration=5 resolution=720p size=square image_url=1"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"prompt": "another"}),
        ({}, {"duration": 5, "resolution": "720P"}),
        ({}, {"seed": 7}),
        ({}, {"negative_prompt": "blur"}),
        ({}, {"extra": {"seed": 7}}),
        ({"extra": {"a": 1, "b": 2}}, {"extra": {"b": 2, "a": 1, "seed": 3}}),
        ({"image_url": "https://a.example/1.png"}, {"image_url": ["https://a.example/2.png"]}),
    ],
)
def test_what_changes_no_price_makes_no_difference(one: dict[str, object], other: dict[str, object]) -> None:
    assert like(**one) == like(**other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"duration": 10}),
        ({}, {"audio": True}),
        ({}, {"aspect_ratio": "16:9"}),
        ({"count": 2}, {"count": 3}),
        ({}, {"extra": {"num_inference_steps": 50}}),
        ({"extra": {"steps": 4}}, {"extra": {"steps": 50}}),
        ({}, {"image_url": "https://a.example/1.png"}),
        ({"loras": [{"path": "a"}]}, {"loras": [{"path": "a"}, {"path": "b"}]}),
    ],
)
def test_what_may_change_a_price_makes_another_shape(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert like(**one) != like(**other)


def a_sample(nano: int, *, age: timedelta = timedelta(), spin_up: int | None = None) -> Sample:
    return Sample(NOON - age, nano, spin_up)


def test_what_samples_come_to() -> None:
    found = evidence([a_sample(nano, age=timedelta(hours=nano)) for nano in range(100, 0, -1)])
    assert (found.n, found.low_nano, found.p5_nano, found.p95_nano, found.high_nano) == (100, 1, 6, 95, 100)
    assert (found.first_at, found.last_at) == (NOON - timedelta(hours=100), NOON - timedelta(hours=1))
    assert (found.work_low_nano, found.work_high_nano, found.pays_starts) == (1, 100, False)


def test_what_starts_took_is_told_apart() -> None:
    found = evidence([a_sample(90, spin_up=80), a_sample(30, spin_up=0), a_sample(50)])
    assert (found.low_nano, found.high_nano) == (30, 90)
    assert (found.work_low_nano, found.work_high_nano, found.pays_starts) == (10, 50, True)


def test_samples_grow_old_and_the_newest_are_kept() -> None:
    old = a_sample(1, age=WINDOW)
    new = [a_sample(n, age=timedelta(seconds=n)) for n in range(KEPT + 10)]
    assert kept([old], NOON) == []
    assert [one.nano for one in kept([*new, old], NOON)] == list(range(KEPT - 1, -1, -1))


@given(st.lists(st.tuples(st.integers(0, 10**15), st.none() | st.integers(0, 10**15)), min_size=1))
def test_the_ends_hold_all_samples_and_the_middle_lies_between_them(
    costs: list[tuple[int, int | None]],
) -> None:
    samples = [Sample(NOON, nano + (spin_up or 0), spin_up) for nano, spin_up in costs]
    found = evidence(samples)
    assert found.low_nano <= found.p5_nano <= found.p95_nano <= found.high_nano
    assert all(found.low_nano <= one.nano <= found.high_nano for one in samples)
    within = sum(found.p5_nano <= one.nano <= found.p95_nano for one in samples)
    assert within >= 0.9 * len(samples)
    assert 0 <= found.work_low_nano <= found.work_high_nano <= found.high_nano


@pytest.mark.parametrize(
    ("usd", "name"),
    [(None, ""), ("0.0610", "0.061"), ("0.061", "0.061"), ("10", "10"), ("1E-7", "0.0000001"), ("2.0", "2")],
)
def test_equal_prices_have_one_name(usd: str | None, name: str) -> None:
    assert price_name(None if usd is None else Decimal(usd)) == name
