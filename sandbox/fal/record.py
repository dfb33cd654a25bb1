"""One fal request as the emulator remembers it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.fal.endpoints import Endpoint
from sandbox.fal.timeline import COMPLETED, Segment, Timeline
from sandbox.scenarios import Script


@dataclass(slots=True)
class FalRequest:
    """An accepted request; all but cancel, erasure and webhook is settled when it comes in."""

    id: str
    app: str
    endpoint: Endpoint
    arguments: dict[str, Any]
    script: Script
    timeline: Timeline
    submitted_at: datetime
    base_url: str
    gateway_ids: tuple[str, ...]
    webhook: str | None = None
    stored: bool = True
    cancelled_at: datetime | None = None
    erased: bool = False
    told: bool = False

    @property
    def cancelled(self) -> bool:
        """Whether a cancel ended it."""
        return self.cancelled_at is not None

    @property
    def inference(self) -> float:
        """Seconds on the runner, to the millisecond."""
        return round(self.timeline.inference, 3)

    @property
    def ended_at(self) -> datetime | None:
        """When it ends, or ended; None if it never will."""
        if self.cancelled_at is not None:
            return self.cancelled_at
        end = self.timeline.end
        return None if end == float("inf") else self.submitted_at + timedelta(seconds=end)

    @property
    def started_at(self) -> datetime | None:
        """When a runner first takes it; None if none does."""
        start = self.timeline.start
        if start == float("inf") or self.timeline.timed_out:
            return None
        started = self.submitted_at + timedelta(seconds=start)
        return None if self.cancelled_at is not None and self.cancelled_at < started else started

    def segment(self, now: datetime) -> Segment | None:
        """Where it is in its timeline; None when it is over."""
        if self.over(now):
            return None
        return self.timeline.at((now - self.submitted_at).total_seconds())

    def over(self, now: datetime) -> bool:
        """Whether it has ended."""
        ended = self.ended_at
        return ended is not None and now >= ended

    def state(self, now: datetime) -> str:
        """Its status on the wire."""
        segment = self.segment(now)
        return segment.state if segment else COMPLETED

    def gateway_id(self, now: datetime) -> str:
        """The id of the platform's current try; the request's own until a try is lost."""
        segment = self.segment(now) or self.timeline.segments[-1]
        return self.gateway_ids[segment.attempt]
