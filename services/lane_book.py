"""What this process last read of the lanes: asked at every look, read anew once a second."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from domain.lanes import Lane
from domain.patterns import Pattern, pattern_of
from services.cohorts import Cohorts
from storage import lanes
from storage.database import Database, DatabaseTrouble

_KEPT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """What is known of a lane; the times are in seconds from acceptance, the newest last."""

    troubles: int = 0
    open_until: datetime | None = None
    warm_at: datetime | None = None
    hook_at: datetime | None = None
    took: tuple[float, ...] = ()
    started: tuple[float, ...] = ()


_NOTHING: Final = LaneFacts()


_pattern: Final = lru_cache(maxsize=1024)(pattern_of)


class LaneBook:
    """The lanes as they were at most a second ago; safe to use from several threads."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._facts: Mapping[Lane, LaneFacts] = {}
        self.cohorts = Cohorts()

    def facts(self, lane: Lane) -> LaneFacts:
        """What is known of ``lane``; nothing where the database has never answered."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= _KEPT_SECONDS:
                self._read_at = now
                self._read()
            return self._facts.get(lane, _NOTHING)

    def pattern(self, lane: Lane) -> Pattern | None:
        """When requests end there: by what this process sees of them now, else by what all saw lately."""
        now, before = self.cohorts.pattern(lane), _pattern(self.facts(lane).took)
        if now is None or before is None or now.low is not None:
            return now or before
        # Those that are seen now have not come as far as to end: they can only say that none ends sooner.
        return replace(before, early=max(now.early, before.early))

    def forget(self) -> None:
        """Have the next question read anew: something was just written."""
        with self._lock:
            self._read_at = None

    def _read(self) -> None:
        try:
            with self._database.work() as session:
                rows = lanes.every(session)
        except DatabaseTrouble:
            # What was known before stands; a look is no worse for it.
            return
        self._facts = {
            lane: LaneFacts(
                row.troubles, row.open_until, row.warm_at, row.hook_at, tuple(row.took), tuple(row.started)
            )
            for lane, row in rows.items()
        }
