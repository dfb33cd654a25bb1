"""When a lost request is looked for, and when its absence from the list is proof: pure decisions."""

import math
from enum import StrEnum
from typing import Final

# How long a submit may still be on the wire after it was committed, and how far the list may lag behind.
WIRE_SECONDS: Final = 60.0
LIST_LAG_SECONDS: Final = 120.0
# Most lost requests are found at once, and until then nobody need be told of a review: looked for after 2, 6,
# 14 and 30 seconds.
GRACE_SEARCHES: Final = 4
GRACE_SECONDS: Final = 30.0
# What is not certain within this time after it could have been will not become so by itself.
DOUBT_SECONDS: Final = 3600.0
# How long a list that cannot be read is asked for.
SILENCE_SECONDS: Final = 48 * 3600.0
_FIRST_PAUSE: Final = 2.0
_SLOW_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 300.0


class Verdict(StrEnum):
    """What follows a search that has not found the request."""

    ABSENT = "absent"
    AGAIN = "again"
    GIVE_UP = "give_up"


def proof_after(start_timeout: int | None, settle_seconds: float | None) -> float:
    """Seconds after the submit from when a request that is not on the list was certainly never made.

    Requests are listed once they have started, and past their start timeout they no longer start: without
    one there is no such time.
    ``settle_seconds`` is the operator's own figure, for a list that shows what waits, too.
    """
    if settle_seconds is not None:
        return settle_seconds
    if start_timeout is None:
        return math.inf
    return start_timeout + WIRE_SECONDS + LIST_LAG_SECONDS


def after_search(age: float, proof: float, *, certain: bool) -> Verdict:
    """What follows a list that was read and does not show the request, ``age`` seconds after the submit.

    ``certain`` when all of the list was read and nothing on it can be the request.
    """
    if age < proof:
        return Verdict.AGAIN
    if certain:
        return Verdict.ABSENT
    return Verdict.AGAIN if age < proof + DOUBT_SECONDS else Verdict.GIVE_UP


def after_silence(age: float, proof: float, *, permanent: bool) -> Verdict:
    """What follows a list that could not be read."""
    return Verdict.GIVE_UP if permanent or age > proof + SILENCE_SECONDS else Verdict.AGAIN


def next_search(searches: int, age: float, proof: float, *, asked: float | None = None) -> float:
    """Seconds until the next search, after so many: soon at first, then slowly, and once just at the proof.

    ``asked`` is how long the provider asked us to wait.
    """
    if searches < GRACE_SEARCHES:
        pause = _FIRST_PAUSE * 2.0**searches
    else:
        pause = min(_SLOW_PAUSE * 2.0 ** min(searches - GRACE_SEARCHES, 10), _LONGEST_PAUSE)
    left = proof - age
    if 0 < left < pause:
        pause = left
    return max(pause, asked or 0.0)
