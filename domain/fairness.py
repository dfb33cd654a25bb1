"""Sharing room: whoever has the least comes first, until all have as much or want no more."""

import heapq
from collections.abc import Hashable, Mapping
from typing import TypeVar

Party = TypeVar("Party", bound=Hashable)


def shares(room: int, has: Mapping[Party, int]) -> dict[Party, int]:
    """How much of ``room`` each of the parties gets, given what it ``has`` already.

    Those with the least are brought up first, so that a newcomer catches up with who was there before.
    Between equals it goes by their order in ``has``.
    """
    given = dict.fromkeys(has, 0)
    order = [(count, place, party) for place, (party, count) in enumerate(has.items())]
    heapq.heapify(order)
    for _ in range(room if order else 0):
        count, place, party = order[0]
        given[party] += 1
        heapq.heapreplace(order, (count + 1, place, party))
    return given
