"""When to look next: soon before the end is likely, often around it, and seldom where a webhook will tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from domain.patterns import ENOUGH, Pattern

_SHARE_OF_AGE: Final = 0.075
# Where few end, looks may be further apart: they hardly move the median, and the late ones stay below 15 %.
_SPARSE_SHARE_OF_AGE: Final = 0.13
_LONGEST: Final = 30.0
_SAFETY_SECONDS: Final = 60.0
_UNTOLD_SECONDS: Final = 30.0
_AT_ONCE_SHARE: Final = 0.1
_SLOW_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Schedule:
    """What decides the next look at a request.

    ``usual`` is the provider's schedule at this age and ``least`` the shortest pause that it bears, in
    seconds. ``shows_start``: a look tells whether a runner is at work; ``warm``: one was seen at work lately.
    ``pattern`` tells when requests end here, None while that is not known. ``started`` are the newest times
    from acceptance to a runner's start. ``hooked``: webhooks come from here.
    """

    usual: float
    least: float
    shows_start: bool
    warm: bool = False
    pattern: Pattern | None = None
    started: Sequence[float] = ()
    hooked: bool = False


def pause(age: float, schedule: Schedule, *, generating: bool) -> float:
    """Seconds until the next look at a request of ``age`` seconds."""
    start_seen = generating or not schedule.shows_start or _starts_at_once(schedule)
    if schedule.hooked:
        return max(_safety(age, schedule, start_seen=start_seen), schedule.least)
    pattern = schedule.pattern
    if pattern is None or not start_seen:
        return schedule.usual
    wait = pattern.early - age if age < pattern.early else min(_gap(age, pattern), _LONGEST)
    return max(wait, schedule.least)


def _gap(age: float, pattern: Pattern) -> float:
    """Seconds between two looks where an end may come any time."""
    dense, sparse = _SHARE_OF_AGE * age, _SPARSE_SHARE_OF_AGE * age
    if pattern.low is not None and age < pattern.low:
        return min(sparse, max(dense, pattern.low - age))
    return sparse if pattern.high is not None and age > pattern.high else dense


def _starts_at_once(schedule: Schedule) -> bool:
    """Whether nothing is to be learned from seeing the start: a warm runner takes a request up at once."""
    known, started = schedule.pattern, schedule.started
    if known is None or not schedule.warm or len(started) < ENOUGH:
        return False
    return quantile(started, _SLOW_SHARE) <= _AT_ONCE_SHARE * known.early


def _safety(age: float, schedule: Schedule, *, start_seen: bool) -> float:
    """A webhook tells the end: one look to see the runner start, then a few in case it is lost."""
    if age < schedule.least and not start_seen:
        usual_start = median(schedule.started) if schedule.started else schedule.usual
        return min(max(1.2 * usual_start, schedule.usual), _UNTOLD_SECONDS)
    middle = None if schedule.pattern is None else schedule.pattern.middle
    overdue = _UNTOLD_SECONDS if middle is None else 2 * middle
    return overdue - age if age < overdue - 1.0 else _SAFETY_SECONDS


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie; of at least one value."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
