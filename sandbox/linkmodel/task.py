"""One LinkModel task as the emulator remembers it."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.linkmodel.catalogue import Offering
from sandbox.scenarios import Script

PENDING: Final = "Pending"
PROCESSING: Final = "Processing"
SUCCESS: Final = "Success"
FAILED: Final = "Failed"
CANCELLED: Final = "Cancelled"
UNKNOWN: Final = "Archiving"


@dataclass(slots=True)
class Task:
    """An accepted task; its course and its end are settled when it comes in."""

    id: str
    order_id: str
    offering: Offering
    arguments: dict[str, Any]
    script: Script
    created_at: datetime
    base_url: str
    nano: int
    pending: float
    run: float
    links: list[str] | None = None

    @property
    def end_status(self) -> str:
        """What it ends as."""
        if self.script.has("fail") or self.script.has("moderation"):
            return FAILED
        if self.script.has("cancelled"):
            return CANCELLED
        return UNKNOWN if self.script.has("unknown_status") else SUCCESS

    @property
    def ended_at(self) -> datetime | None:
        """When it ends, or ended; None if it never will."""
        seconds = self.pending + self.run
        return None if seconds == math.inf else self.created_at + timedelta(seconds=seconds)

    def over(self, now: datetime) -> bool:
        """Whether it has ended."""
        ended = self.ended_at
        return ended is not None and now >= ended

    def status(self, now: datetime) -> str:
        """Its status on the wire of a query (contract section 5)."""
        if self.over(now):
            return self.end_status
        waited = (now - self.created_at).total_seconds() < self.pending
        return PENDING if waited else PROCESSING

    def failure(self) -> str:
        """The task-level text of a failure."""
        if self.script.has("moderation"):
            return "content policy blocked the task"
        return "generation failed: upstream error" if self.script.has("fail") else ""

    @property
    def gives_back(self) -> bool:
        """Whether its money returns to the balance when it ends."""
        charged = self.script.has("fail", "charged") or self.script.has("moderation", "charged")
        return self.end_status in {FAILED, CANCELLED} and not charged
