"""How soon after one turn the next may come: at once now and then, and evenly when many ask for it."""

import asyncio
from collections.abc import Callable
from typing import Final

SHORTEST_PAUSE: Final = 0.02
_BURST: Final = 4.0
_PER_SECOND: Final = 10.0


class Pace:
    """Turns as tokens: a few at once, and ten a second for as long as it takes.

    A turn costs the same for one row as for hundreds, and under load every commit knocks. ``hurry`` has
    tokens of its own, half as many.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._turns = _Bucket(clock, _PER_SECOND, _BURST)
        self._hurries = _Bucket(clock, _PER_SECOND / 2, _BURST)

    def pause(self) -> float:
        """Take a turn; how long to wait before it, in seconds."""
        return max(self._turns.take(), SHORTEST_PAUSE)

    async def hurry(self) -> None:
        """Return when the next turn may come before its time."""
        await asyncio.sleep(self._hurries.take())


class _Bucket:
    def __init__(self, clock: Callable[[], float], per_second: float, burst: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = clock()

    def take(self) -> float:
        """Take a token; after how many seconds it is there."""
        now = self._clock()
        self._tokens = min(self._tokens + (now - self._at) * self._per_second, self._burst) - 1.0
        self._at = now
        return max(-self._tokens / self._per_second, 0.0)
