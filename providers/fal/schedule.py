"""How often to look at a request. fal documents no interval, so ours grows with the request's age."""

from typing import Final

# The first look, and the least wait. A video takes longer, but when its runner starts shows only by looking.
_LEAST: Final = 1.0
_SHARE_OF_AGE: Final = 0.05
_MOST: Final = 10.0
_OLD_AFTER: Final = 300.0
# Well within the six minutes for which a large result is kept.
_OLD_EVERY: Final = 30.0


def next_look(age: float) -> float:
    """Seconds until the next look at a request of ``age`` seconds; there is always a next one."""
    if age > _OLD_AFTER:
        return _OLD_EVERY
    return min(max(_LEAST, _SHARE_OF_AGE * age), _MOST)
