"""What endpoints may hear of, when a callback is tried again or given up, and whose turn it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

EventType = Literal[
    "job.succeeded",
    "job.failed",
    "job.canceled",
    "job.review",
    "batch.completed",
    "budget.exceeded",
    "budget.warning",
    "webhook-endpoint.disabled",
]
# Tried now, then after these many seconds each: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h.
SCHEDULE: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.1
# Sent to one endpoint to try it, whatever it wants to hear of.
TEST: Final = "webhook.test"
# How many of one host that answers are under way at a time, on all machines together.
WINDOW: Final = 200
# Of a host that nobody knows yet, and of one that is away: what holds up nobody but itself.
AT_ONCE: Final = {"new": 4, "slow": 1}
# How many callbacks to all hosts of a kind are under way at a time.
SHARE: Final = {"new": 256, "slow": 256}
_GONE: Final = 410
_AWAY: Final = frozenset({502, 503, 504})
# A host that has answered before is away once so many tries in a row found nobody.
_IN_A_ROW: Final = 3
_LONGEST_PAUSE: Final = 60.0


class HostState(StrEnum):
    """How a host does: it answers, nobody has tried it yet, or it is away."""

    GOOD = "good"
    NEW = "new"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Host:
    """A host that callbacks go to; ``failures`` are those since it last answered."""

    state: HostState
    failures: int

    @property
    def pause(self) -> float:
        """How long it is left alone after a try that found nobody, in seconds: a minute at most."""
        return min(2.0 ** min(self.failures - 1, 6), _LONGEST_PAUSE) if self.failures else 0.0


def is_away(status: int | None) -> bool:
    """Whether a try found nobody at home: no answer in time, or that of a gateway before the receiver."""
    return status is None or status in _AWAY


def host_after(host: Host, *, answered: bool, away: int) -> Host:
    """What is known of a host after tries of which ``away`` found nobody, and one ``answered`` or none."""
    if answered:
        return Host(HostState.GOOD, 0)
    failures = host.failures + away
    stays = host.state == HostState.GOOD and failures < _IN_A_ROW
    return Host(HostState.GOOD if stays else HostState.SLOW, failures)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Tried again after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Not tried again."""


def after_try(
    *, tries: int, ok: bool, status: int | None, retry_after: float | None, chance: float
) -> Delivered | TryAgain | GivenUp:
    """What follows try number ``tries``; ``chance`` from 0 to 1 spreads the tries of many callbacks.

    410 says that nobody will ever listen; ``Retry-After`` can only make the wait longer.
    """
    if ok:
        return Delivered()
    if status == _GONE or tries > len(SCHEDULE):
        return GivenUp()
    pause = SCHEDULE[tries - 1] * (1 + JITTER * chance)
    return TryAgain(min(max(pause, retry_after or 0.0), float(SCHEDULE[-1])))
