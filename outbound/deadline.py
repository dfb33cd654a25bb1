"""A moment until which a whole request has to be done, whatever each of its parts is allowed."""

from time import monotonic

import httpcore


class Deadline:
    """``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self.seconds = seconds

    def within(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        """``timeout`` cut to what is left, in seconds; raises ``late`` when nothing is."""
        left = self._end - monotonic()
        if left <= 0:
            raise late(f"not done within {self.seconds:g} s")
        return left if timeout is None else min(left, timeout)
