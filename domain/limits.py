"""Limits: how much a provider or one of its endpoints is asked to bear, and how long a runner stays warm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.lanes import Lane


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for a provider, or for one of its endpoints.

    ``in_flight`` counts the requests that are being sent or run there; None where there is no limit.
    ``submits_per_second`` and ``looks_per_second`` are shared by all processes. ``runners`` when the provider
    shows whether a runner is at work, so that a cold endpoint can be told from a warm one; it counts as warm
    for ``warm_seconds`` after one was seen. A flood for a cold endpoint sends one pilot, and another one for
    each ``pilot_seconds`` without a runner, twice as many each time. ``settle_seconds`` is after how long a
    request that the provider does not list was certainly never made; None where its start timeout decides.
    """

    in_flight: int | None = None
    submits_per_second: float = 500.0
    looks_per_second: float = 1000.0
    runners: bool = False
    warm_seconds: float = 60.0
    pilot_seconds: float = 60.0
    settle_seconds: float | None = None

    @property
    def kept(self) -> int:
        """How many of those in flight the rows of batches leave to jobs that are asked for one by one."""
        return 0 if self.in_flight is None else self.in_flight // _KEPT


# One in so many, where there are as many: with fewer, a batch has the use of all.
_KEPT: Final = 8

_NONE: Final = Limits()


@dataclass(frozen=True, slots=True)
class LimitBook:
    """The limits of every provider, and those of single endpoints."""

    providers: Mapping[str, Limits] = field(default_factory=dict)
    lanes: Mapping[Lane, Limits] = field(default_factory=dict)

    def of_provider(self, provider: str) -> Limits:
        """What holds for all of a provider's endpoints together."""
        return self.providers.get(provider, _NONE)

    def of_lane(self, lane: Lane) -> Limits:
        """What holds for one endpoint: its own limits, else its provider's."""
        return self.lanes.get(lane) or self.of_provider(lane.provider)


def refilled(tokens: float | None, elapsed: float, rate: float) -> float:
    """What a bucket holds ``elapsed`` seconds after it held ``tokens``; at most one second's worth."""
    burst = max(rate, 1.0)
    return burst if tokens is None else min(tokens + max(elapsed, 0.0) * rate, burst)


def pilots(waited: float, pilot_seconds: float) -> int:
    """How many requests may be on their way to a cold endpoint whose first has waited for so many seconds."""
    return 1 << min(int(max(waited, 0.0) // pilot_seconds), 16)
