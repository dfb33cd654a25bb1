"""How long to go on fetching and storing what is already paid for, by the kind of trouble."""

from enum import StrEnum
from typing import Final

_WRONG_TRIES: Final = 5
_LONGEST_PAUSE: Final = 300.0
# As long as the shortest-lived links that a provider is known to give.
_WINDOW_SECONDS: Final = 48 * 3600.0


class StoreTrouble(StrEnum):
    """What stands between a finished generation and the bucket."""

    AWAY = "away"
    """The host of the file, or our own store, does not answer: it will again, so patience is long."""

    WRONG = "wrong"
    """Something came, and it is not the file: a few more tries, since a cache or gateway may be at fault."""

    NEVER = "never"
    """It must not be fetched at all."""


def pause_before(trouble: StoreTrouble, *, tries: int, age: float) -> float | None:
    """Seconds until the next try after ``tries``, ``age`` seconds after the verdict; None to give up."""
    if trouble is StoreTrouble.NEVER:
        return None
    if trouble is StoreTrouble.WRONG:
        return None if tries >= _WRONG_TRIES else 2.0 ** (tries - 1)
    return None if age > _WINDOW_SECONDS else min(2.0 ** min(tries, 10), _LONGEST_PAUSE)
