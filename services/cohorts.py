"""What this process has seen of requests that run: how long each took, or how old it was when seen last."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from domain.lanes import Lane
from domain.patterns import Pattern, pattern_of

# So many of a lane's newest requests say how long they take there now; older ones are forgotten.
_KEPT: Final = 4096
_FRESH_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Cohort:
    """Requests in the order in which they were first seen: seconds, and whether these are to the end."""

    requests: dict[UUID, tuple[float, bool]] = field(default_factory=dict)
    pattern: Pattern | None = None
    reckoned_at: float = float("-inf")


class Cohorts:
    """The requests of each lane, and the pattern that they show; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lanes: dict[Lane, _Cohort] = defaultdict(_Cohort)

    def going(self, lane: Lane, attempt_id: UUID, age: float) -> None:
        """A request was seen at work at this age, in seconds."""
        self._note(lane, attempt_id, age, ended=False)

    def ended(self, lane: Lane, attempt_id: UUID, took: float) -> None:
        """A request has brought its result after so many seconds."""
        self._note(lane, attempt_id, took, ended=True)

    def pattern(self, lane: Lane) -> Pattern | None:
        """When requests end there, reckoned at most once a second; None while too little is known."""
        with self._lock:
            cohort = self._lanes.get(lane)
            if cohort is None:
                return None
            now = self._clock()
            if now - cohort.reckoned_at >= _FRESH_SECONDS:
                cohort.reckoned_at = now
                seen = cohort.requests.values()
                ended = [seconds for seconds, over in seen if over]
                cohort.pattern = pattern_of(ended, [seconds for seconds, over in seen if not over])
            return cohort.pattern

    def _note(self, lane: Lane, attempt_id: UUID, seconds: float, *, ended: bool) -> None:
        with self._lock:
            requests = self._lanes[lane].requests
            requests[attempt_id] = (seconds, ended)
            if len(requests) > _KEPT:
                del requests[next(iter(requests))]
