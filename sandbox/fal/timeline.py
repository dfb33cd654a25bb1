"""The states that a fal request goes through, laid out in time when it is accepted."""

import math
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

IN_QUEUE: Final = "IN_QUEUE"
IN_PROGRESS: Final = "IN_PROGRESS"
COMPLETED: Final = "COMPLETED"


@dataclass(frozen=True, slots=True)
class Segment:
    """One state for some seconds; ``position`` counts those ahead, ``attempt`` the platform's tries."""

    state: str
    seconds: float
    position: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """Segments one after the other; the request is over at ``end`` seconds after its submit."""

    segments: tuple[Segment, ...]
    start_timeout: float | None = None

    @property
    def start(self) -> float:
        """When it first starts to run; infinity if it never does."""
        waiting = takewhile(lambda segment: segment.state != IN_PROGRESS, self.segments)
        return sum(segment.seconds for segment in waiting)

    @property
    def timed_out(self) -> bool:
        """Whether the caller's time to start runs out before a runner takes the request."""
        return self.start_timeout is not None and self.start > self.start_timeout

    @property
    def end(self) -> float:
        """When it is over, whatever came of it; infinity if never."""
        if self.start_timeout is not None and self.timed_out:
            return self.start_timeout
        return sum(segment.seconds for segment in self.segments)

    @property
    def inference(self) -> float:
        """The seconds on a runner in the last attempt."""
        last = self.segments[-1].attempt
        return sum(s.seconds for s in self.segments if s.state == IN_PROGRESS and s.attempt == last)

    def at(self, elapsed: float) -> Segment | None:
        """The segment at this many seconds after the submit; None when it is over."""
        if elapsed >= self.end:
            return None
        reached = 0.0
        for segment in self.segments[:-1]:
            reached += segment.seconds
            if elapsed < reached:
                return segment
        return self.segments[-1]


@dataclass(frozen=True, slots=True)
class Course:
    """What is asked of a timeline: seconds and positions, before they are laid out."""

    run: float
    cold: float = 0.0
    queued: int = 0
    step: float = 0.0
    regression: bool = False
    never_starts: bool = False
    never_ends: bool = False
    start_timeout: float | None = None


def lay_out(course: Course) -> Timeline:
    """Positions counting down, then the cold start at position 0, then one run, or two with a regression."""
    waiting = [Segment(IN_QUEUE, course.step, position) for position in range(course.queued, 0, -1)]
    waiting.append(Segment(IN_QUEUE, math.inf if course.never_starts else course.cold))
    run = math.inf if course.never_ends else course.run
    if course.regression:
        lost = [Segment(IN_PROGRESS, course.run / 2), Segment(IN_QUEUE, max(course.step, 0.1), attempt=1)]
        running = [*lost, Segment(IN_PROGRESS, run, attempt=1)]
    else:
        running = [Segment(IN_PROGRESS, run)]
    return Timeline((*waiting, *running), course.start_timeout)
