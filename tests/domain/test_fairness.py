"""Sharing room between parties."""

from hypothesis import given
from hypothesis import strategies as st

from domain.fairness import shares


def test_equals_share_alike_and_the_first_gets_what_is_left() -> None:
    assert shares(5, {"a": 0, "b": 0}) == {"a": 3, "b": 2}


def test_a_newcomer_catches_up_first() -> None:
    assert shares(5, {"old": 10, "new": 0}) == {"old": 0, "new": 5}
    assert shares(14, {"old": 10, "new": 0}) == {"old": 2, "new": 12}


def test_without_parties_or_room_nothing_is_given() -> None:
    assert shares(5, {}) == {}
    assert shares(0, {"a": 0}) == {"a": 0}


@given(room=st.integers(0, 200), has=st.dictionaries(st.text(max_size=3), st.integers(0, 100), min_size=1))
def test_all_room_is_given_and_nobody_gets_ahead_of_who_got_nothing(room: int, has: dict[str, int]) -> None:
    given_ = shares(room, has)
    assert sum(given_.values()) == room
    ends = {party: has[party] + share for party, share in given_.items()}
    least = min(ends.values())
    assert all(ends[party] <= least + 1 for party, share in given_.items() if share)
