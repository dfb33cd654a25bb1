"""Where a job's time went: the phases of an attempt's clock, advanced by what each look saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """The phases of a job's latency, in order."""

    QUEUE = "queue"
    PROVIDER_QUEUE = "provider_queue"
    COLD_START = "cold_start"
    GENERATION = "generation"
    DETECTION = "detection"
    DOWNLOAD = "download"
    STORE = "store"


# Every phase but our own queue, by the names that are kept.
_THEIRS: Final = tuple(phase.value for phase in list(Phase)[1:])
_NOTHING_YET: Final[Mapping[str, None]] = dict.fromkeys(_THEIRS)


@dataclass(frozen=True, slots=True)
class PhaseClock:
    """The running clock of an accepted attempt.

    ``phase`` is None until the provider has first said where the request stands; ``phases`` holds seconds.
    """

    phase: Phase | None
    since: datetime
    phases: Mapping[str, float] = field(default_factory=dict)


def queued_phase(position: int | None, current: Phase | None) -> Phase:
    """Waiting behind others, or at the head of the queue for a runner: a cold start.

    Where the position is not told, the last known one stands.
    """
    if position == 0:
        return Phase.COLD_START
    if position is None and current is Phase.COLD_START:
        return Phase.COLD_START
    return Phase.PROVIDER_QUEUE


def advance(clock: PhaseClock, seen: Phase, at: datetime, *, gap: float | None = None) -> PhaseClock:
    """The clock after a look at ``at`` that saw ``seen``; the time before belongs to the phase before.

    ``gap`` is the time between two looks, in seconds: the change came somewhere in it, and is taken to have
    come in its middle, so that no phase is told too long on the average.
    """
    if clock.phase is seen:
        return clock
    spent = _seconds(clock.since, at)
    if clock.phase is None:
        return PhaseClock(seen, at, _add(clock.phases, seen, spent))
    unseen = min(gap or 0.0, spent) / 2
    return PhaseClock(seen, at - timedelta(seconds=unseen), _add(clock.phases, clock.phase, spent - unseen))


def finish(
    clock: PhaseClock, at: datetime, *, inference: Decimal | None, interval: float | None
) -> dict[str, float]:
    """The phases once the verdict was seen at ``at``.

    ``inference`` is the provider's own figure for the work, in seconds: what is left of the generation as we
    saw it is how late we looked (``detection``), which cannot be more than ``interval``, the time between two
    looks. Without a figure, detection is not known and stays out.
    """
    spent = _seconds(clock.since, at)
    if inference is None:
        return _add(clock.phases, clock.phase or Phase.GENERATION, spent)
    worked = float(inference)
    if clock.phase is not Phase.GENERATION:
        # It was never seen at work: the end of the time waited was the work.
        generation = min(worked, spent)
        waited = _add(clock.phases, clock.phase or Phase.PROVIDER_QUEUE, spent - generation)
        return _add(_add(waited, Phase.GENERATION, generation), Phase.DETECTION, 0.0)
    late = max(spent - worked, 0.0)
    late = min(late, interval) if interval is not None else late
    phases = _add(_add(clock.phases, Phase.GENERATION, spent - late), Phase.DETECTION, late)
    return _begun_earlier(phases, min(max(worked - spent, 0.0), interval or 0.0))


def _begun_earlier(phases: dict[str, float], seconds: float) -> dict[str, float]:
    """Give the work ``seconds`` that were counted as waiting: it began before a look could see it."""
    for waiting in (Phase.COLD_START, Phase.PROVIDER_QUEUE):
        taken = min(seconds, phases.get(waiting, 0.0))
        if taken:
            phases = _add(_add(phases, waiting, -taken), Phase.GENERATION, taken)
            seconds -= taken
    return phases


def latency(total: float, attempts: list[Mapping[str, float]]) -> dict[str, float | None]:
    """A job's latency in seconds: every phase over all its attempts, ours being what is left of ``total``."""
    if not attempts:
        return {"total": round(total, 3), Phase.QUEUE.value: round(max(total, 0.0), 3), **_NOTHING_YET}
    spent = {phase: [one[phase] for one in attempts if phase in one] for phase in _THEIRS}
    rest = total - sum(sum(known) for known in spent.values())
    ours = {"total": round(total, 3), Phase.QUEUE.value: round(max(rest, 0.0), 3)}
    return ours | {phase: round(sum(known), 3) if known else None for phase, known in spent.items()}


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)


def _add(phases: Mapping[str, float], phase: Phase, seconds: float) -> dict[str, float]:
    return {**phases, phase.value: round(phases.get(phase.value, 0.0) + seconds, 6)}
