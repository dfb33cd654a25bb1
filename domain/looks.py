"""When to look next: soon before the end is likely, often around it, and seldom where a webhook will tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

# So many known times make a pattern.
ENOUGH: Final = 5
_EARLY_SHARE: Final = 0.05
_MARGIN: Final = 0.9
_DOUBT: Final = 0.5
_SHARE_OF_AGE: Final = 0.08
_LONGEST: Final = 30.0
_SAFETY_SECONDS: Final = 60.0
_UNTOLD_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """What decides the next look at a request.

    ``usual`` is the provider's schedule at this age and ``least`` the shortest pause that it bears, in
    seconds. ``shows_start``: a look tells whether a runner is at work. ``took`` are the newest times from
    acceptance to the verdict, ``started`` to a runner's start. ``hooked``: webhooks come from here.
    """

    usual: float
    least: float
    shows_start: bool
    took: Sequence[float] = ()
    started: Sequence[float] = ()
    hooked: bool = False


def pause(age: float, schedule: Schedule, *, generating: bool) -> float:
    """Seconds until the next look at a request of ``age`` seconds."""
    if schedule.hooked:
        return max(_safety(age, schedule), schedule.least)
    if schedule.shows_start and not generating:
        return schedule.usual
    if len(schedule.took) < ENOUGH:
        return schedule.usual
    # The fewer times are known, the earlier the earliest may be.
    margin = _MARGIN * (1 - _DOUBT / math.sqrt(len(schedule.took)))
    early = margin * quantile(schedule.took, _EARLY_SHARE)
    wait = early - age if age < early else min(_SHARE_OF_AGE * age, _LONGEST)
    return max(wait, schedule.least)


def _safety(age: float, schedule: Schedule) -> float:
    """A webhook tells the end: one look to see the runner start, then a few in case it is lost."""
    if age < schedule.least and schedule.shows_start:
        usual_start = median(schedule.started) if schedule.started else schedule.usual
        return min(max(1.2 * usual_start, schedule.usual), _UNTOLD_SECONDS)
    overdue = 2 * median(schedule.took) if schedule.took else _UNTOLD_SECONDS
    return overdue - age if age < overdue - 1.0 else _SAFETY_SECONDS


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie; of at least one value."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
