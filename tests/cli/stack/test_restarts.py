"""When a process that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from cli.stack.restarts import MOST_QUICK_DEATHS, QUICK_SECONDS, Restarts


def after(*lives: float) -> Restarts:
    restarts = Restarts()
    for life in lives:
        restarts = restarts.after(life)
    return restarts


def test_five_quick_deaths_in_a_row_are_the_end() -> None:
    assert not after(*[0.1] * 4).exhausted
    assert after(*[0.1] * 5).exhausted


def test_a_while_of_service_forgives_earlier_deaths() -> None:
    assert not after(0.1, 0.1, 0.1, 0.1, QUICK_SECONDS, 0.1, 0.1, 0.1, 0.1).exhausted


def test_each_quick_death_doubles_the_wait() -> None:
    assert [after(*[0.0] * deaths).delay_seconds for deaths in range(1, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0]


@given(st.lists(st.floats(min_value=0, max_value=60), max_size=50))
def test_the_wait_is_never_long_and_giving_up_needs_a_row_of_quick_deaths(lives: list[float]) -> None:
    restarts = after(*lives)
    assert 0 < restarts.delay_seconds <= 8
    last = lives[-MOST_QUICK_DEATHS:]
    row_of_quick_deaths = len(last) == MOST_QUICK_DEATHS and all(life < QUICK_SECONDS for life in last)
    assert restarts.exhausted == row_of_quick_deaths
