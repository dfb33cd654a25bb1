"""The published polling schedules of LinkModel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycle import Kind
from providers.linkmodel.schedule import ENDS, next_look


@pytest.mark.parametrize(("kind", "looks", "first"), [(Kind.IMAGE, 109, 10), (Kind.VIDEO, 116, 30)])
def test_a_full_window_takes_the_published_number_of_looks(kind: Kind, looks: int, first: int) -> None:
    ages = []
    age = 0.0
    while (wait := next_look(kind, age)) is not None:
        age += wait
        ages.append(age)

    assert len(ages) == looks
    assert ages[0] == first
    assert ages[-1] < ENDS


@pytest.mark.parametrize(
    ("kind", "age", "wait"),
    [
        (Kind.IMAGE, 0, 10),
        (Kind.IMAGE, 10, 3),
        (Kind.IMAGE, 60, 6),
        (Kind.IMAGE, 180, 10),
        (Kind.IMAGE, 889.5, 10),
        (Kind.IMAGE, 890, None),
        (Kind.VIDEO, 29, 1),
        (Kind.VIDEO, 30, 5),
        (Kind.VIDEO, 120, 3),
        (Kind.VIDEO, 240, 8),
        (Kind.VIDEO, 480, 15),
        (Kind.VIDEO, 900, None),
        (Kind.VIDEO, 1e9, None),
    ],
)
def test_each_window_has_its_own_pace(kind: Kind, age: float, wait: float | None) -> None:
    assert next_look(kind, age) == wait


@given(st.sampled_from(Kind), st.floats(min_value=-60, max_value=10_000))
def test_no_look_is_asked_for_at_once_or_past_the_end(kind: Kind, age: float) -> None:
    wait = next_look(kind, age)

    assert wait is None or (wait > 0 and age + wait < ENDS)
