"""How long storing goes on, by the kind of trouble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.storing import StoreTrouble, pause_before

TWO_DAYS = 48 * 3600.0


@pytest.mark.parametrize(
    ("trouble", "tries", "age", "pause"),
    [
        (StoreTrouble.NEVER, 1, 0.0, None),
        (StoreTrouble.WRONG, 1, 0.0, 1.0),
        (StoreTrouble.WRONG, 4, 1e9, 8.0),
        (StoreTrouble.WRONG, 5, 0.0, None),
        (StoreTrouble.AWAY, 1, 0.0, 2.0),
        (StoreTrouble.AWAY, 8, 0.0, 256.0),
        (StoreTrouble.AWAY, 9, 0.0, 300.0),
        (StoreTrouble.AWAY, 10**6, TWO_DAYS, 300.0),
        (StoreTrouble.AWAY, 1, TWO_DAYS + 1, None),
    ],
)
def test_what_is_away_gets_patience_what_is_wrong_gets_a_few_tries(
    trouble: StoreTrouble, tries: int, age: float, pause: float | None
) -> None:
    assert pause_before(trouble, tries=tries, age=age) == pause


@given(st.integers(1, 10**9), st.floats(0, TWO_DAYS))
def test_a_host_that_is_away_is_waited_for_as_long_as_its_links_last(tries: int, age: float) -> None:
    pause = pause_before(StoreTrouble.AWAY, tries=tries, age=age)
    assert pause is not None
    assert 0 < pause <= 300
