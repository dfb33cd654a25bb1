import httpcore
import pytest

from outbound.deadline import Deadline


def test_a_timeout_is_cut_to_what_is_left() -> None:
    deadline = Deadline(10)
    assert deadline.within(3, httpcore.ReadTimeout) == 3
    assert 9 < deadline.within(60, httpcore.ReadTimeout) <= 10
    assert 9 < deadline.within(None, httpcore.ReadTimeout) <= 10


@pytest.mark.parametrize("late", [httpcore.ConnectTimeout, httpcore.ReadTimeout, httpcore.WriteTimeout])
def test_when_nothing_is_left_the_error_is_the_one_asked_for(late: type[httpcore.TimeoutException]) -> None:
    with pytest.raises(late, match=r"not done within 0 s"):
        Deadline(0).within(5, late)
