"""Looks thin out with age, and never end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycle import Kind
from providers.fal import FalProvider
from providers.fal.schedule import next_look


@pytest.mark.parametrize(
    ("kind", "age", "wait"),
    [
        (Kind.IMAGE, 0, 1),
        (Kind.VIDEO, 0, 1),
        (Kind.IMAGE, 40, 2),
        (Kind.VIDEO, 100, 5),
        (Kind.VIDEO, 250, 10),
        (Kind.VIDEO, 300, 10),
        (Kind.IMAGE, 301, 30),
        (Kind.VIDEO, 86_400, 30),
    ],
)
def test_the_wait_grows_with_age(kind: Kind, age: float, wait: float, provider: FalProvider) -> None:
    assert provider.next_look(kind, age) == wait


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_the_wait_never_shrinks_and_never_ends(one: float, two: float) -> None:
    younger, older = sorted((one, two))
    assert 1 <= next_look(younger) <= next_look(older) <= 30
