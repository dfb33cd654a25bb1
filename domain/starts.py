"""How soon an endpoint starts on a request, and ends it: by what it did here lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from domain.limits import Limits
from domain.looks import quantile
from domain.patterns import ENOUGH

_SLOW_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be expected of an endpoint, by what it did here lately; None where too little is known.

    ``warm``: a runner was seen at work there lately, None where the provider does not show that. ``seconds``
    until a runner starts on a request, ``whole_seconds`` until its result.
    """

    warm: bool | None
    seconds: float | None
    whole_seconds: int | None


UNKNOWN_START: Final = Start(None, None, None)


def is_warm(limits: Limits, warm_at: datetime | None, now: datetime) -> bool:
    """Whether a runner was seen at work so lately that the next request finds one."""
    return warm_at is not None and (now - warm_at).total_seconds() < limits.warm_seconds


def expected(limits: Limits, *, took: Sequence[float], started: Sequence[float], warm: bool) -> Start:
    """How soon a request would start and end; ``took`` and ``started`` are the newest times, in seconds."""
    whole = round(median(took)) if len(took) >= ENOUGH else None
    if not limits.runners:
        return Start(None, None, whole)
    if len(started) < ENOUGH:
        return Start(warm, None, whole)
    # A warm endpoint starts as it usually does; a cold one as its slow starts did.
    seconds = median(started) if warm else quantile(started, _SLOW_SHARE)
    return Start(warm, round(seconds, 1), whole)
