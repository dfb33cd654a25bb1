"""How long requests of a lane take, estimated from those that have ended and those that still go on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# So many known ends make a pattern; where none has ended, so many that have come to an age make it safe.
ENOUGH: Final = 5
WITNESSES: Final = 20
_EARLY_SHARE: Final = 0.015
_LOW_SHARE: Final = 0.1
_HIGH_SHARE: Final = 0.9
_DOUBT: Final = 0.9
_HORIZON_MARGIN: Final = 0.9


@dataclass(frozen=True, slots=True)
class Pattern:
    """When requests of one lane end, in seconds after acceptance.

    Hardly any ends before ``early``. A tenth has ended by ``low``, half by ``middle``, nine tenths by
    ``high``; each is None while too few have come that far to tell.
    """

    early: float
    low: float | None = None
    middle: float | None = None
    high: float | None = None


def pattern_of(ended: Sequence[float], going: Sequence[float] = ()) -> Pattern | None:
    """The pattern of requests that have ended after ``ended`` seconds, and of ``going`` ones by their age.

    Those that go on count as what they are: not yet ended (the estimate of Kaplan and Meier). Without them
    the first ends of a flood would make all the others look late. None while too little is known.
    """
    if len(ended) < ENOUGH and len(going) < WITNESSES:
        return None
    left = list(_survivors(ended, going))
    early = _when(left, 1 - _EARLY_SHARE)
    if early is None:
        early = _HORIZON_MARGIN * sorted([*ended, *going])[-WITNESSES]
    else:
        # The fewer are known, the earlier the earliest may be.
        early *= 1 - _DOUBT / math.sqrt(len(ended) + len(going))
    return Pattern(early, _when(left, 1 - _LOW_SHARE), _when(left, 0.5), _when(left, 1 - _HIGH_SHARE))


def _survivors(ended: Sequence[float], going: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Each time at which one ended, and the share that lasts longer than that."""
    share = 1.0
    # Of two at the same age, the one that ended was still at risk beside the other.
    times = sorted([*((time, 0) for time in ended), *((age, 1) for age in going)])
    for at_risk, (time, goes_on) in zip(range(len(times), 0, -1), times, strict=True):
        if not goes_on:
            share *= 1 - 1 / at_risk
            yield time, share


def _when(left: Sequence[tuple[float, float]], share: float) -> float | None:
    """The first time at which no more than ``share`` last longer."""
    return next((time for time, lasting in left if lasting <= share), None)
