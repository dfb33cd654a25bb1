"""How often to look at a request. fal documents no interval, so ours grows with the request's age."""

from collections.abc import Mapping
from typing import Final

from domain.lifecycle import Kind

# The first look, and the least wait, by what is made: an image may be done within a second.
_LEAST: Final[Mapping[Kind, float]] = {Kind.IMAGE: 1.0, Kind.VIDEO: 2.0}
_SHARE_OF_AGE: Final = 0.05
_MOST: Final = 10.0
_OLD_AFTER: Final = 300.0
# Well within the six minutes for which a large result is kept.
_OLD_EVERY: Final = 30.0


def next_look(kind: Kind, age: float) -> float:
    """Seconds until the next look at a request of ``age`` seconds; there is always a next one."""
    if age > _OLD_AFTER:
        return _OLD_EVERY
    return min(max(_LEAST[kind], _SHARE_OF_AGE * age), _MOST)
