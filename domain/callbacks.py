"""What endpoints may hear of, when a callback is tried again, and when it is given up."""

from dataclasses import dataclass
from typing import Final, Literal

EventType = Literal[
    "job.succeeded",
    "job.failed",
    "job.canceled",
    "job.review",
    "batch.completed",
    "budget.exceeded",
    "webhook-endpoint.disabled",
]
# Tried now, then after these many seconds each: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h.
SCHEDULE: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.1
# Sent to one endpoint to try it, whatever it wants to hear of.
TEST: Final = "webhook.test"
_GONE: Final = 410


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
