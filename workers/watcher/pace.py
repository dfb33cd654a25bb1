"""How soon after one turn the next may come: at once now and then, and evenly when many ask for it."""

from collections.abc import Callable
from typing import Final

_BURST: Final = 4.0
_PER_SECOND: Final = 10.0
_LEAST: Final = 0.02


class Pace:
    """Turns as tokens: a few at once, and ten a second for as long as it takes.

    A turn costs the same for one row as for hundreds, and under load every commit knocks.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tokens = _BURST
        self._at = clock()

    def pause(self) -> float:
        """Take a turn; how long to wait before it, in seconds."""
        now = self._clock()
        self._tokens = min(self._tokens + (now - self._at) * _PER_SECOND, _BURST) - 1.0
        self._at = now
        return max(-self._tokens / _PER_SECOND, _LEAST)
