"""What both providers remember: every request that they took, and when each ends."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds: a generation (``mean``, ``sigma``), until a runner ``starts``, a ``submit``'s answer."""

    mean: float = 20.0
    sigma: float = 4.0
    starts: float = 0.5
    submit: float = 0.0


@dataclass(slots=True)
class Made:
    """One request that was taken: paid for, whatever becomes of it. Times are seconds since 1970.

    ``asked`` is when its status was last asked for.
    """

    id: str
    provider: str
    endpoint: str
    arguments: dict[str, Any]
    arrived: float
    starts: float
    ends: float
    webhook: str | None = None
    asked: float = 0.0

    def shown(self) -> dict[str, Any]:
        """What the control route tells of it."""
        return {
            "id": self.id,
            "provider": self.provider,
            "prompt": self.arguments.get("prompt"),
            "arrived": self.arrived,
            "ends": self.ends,
            "asked": self.asked,
        }


@dataclass(slots=True)
class Book:
    """Every request by its id, in the order in which they came; ``calls`` counts what was asked."""

    times: Times
    random: random.Random
    made: dict[str, Made] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def take(self, provider: str, endpoint: str, arguments: dict[str, Any], webhook: str | None) -> Made:
        """A new request, which ends when its time has come."""
        now = time.time()
        takes = max(self.random.gauss(self.times.mean, self.times.sigma), _LEAST)
        starts = now + min(self.times.starts, takes)
        number = f"{next(self._numbers):08x}-0000-4000-8000-00000000cafe"
        made = Made(number, provider, endpoint, arguments, now, starts, now + takes, webhook)
        self.made[made.id] = made
        return made

    def called(self, what: str) -> None:
        """Count a call."""
        self.calls[what] = self.calls.get(what, 0) + 1
