"""What looks teach of their lanes: told at once where it changes a decision, else now and then.

Whether a provider takes jobs is learned from sending alone: one that answers looks may still refuse what is
sent, and one request that cannot be looked at says nothing of the others.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.lanes import Lane, Learned
from domain.timeline import Phase
from providers.base import Ended, Generating, LookFailed, Queued
from services.cohorts import Cohorts
from services.lanes import LOOKS
from services.sights import Look

_EVERY_SECONDS: Final = 5.0
_RESULTS_SECONDS: Final = 1.0


@dataclass(slots=True)
class Told:
    """When each lane was last told of; one for each who keeps looking, and not shared between threads.

    What changes a decision is told at once: a hold, or a runner where none was known. That a lane stays warm
    is told now and then, and how long its requests take once a second: of a flood, all say the same.
    """

    clock: Callable[[], float] = time.monotonic
    _last: dict[Lane, float] = field(default_factory=dict)
    _kept: list[Learned] = field(default_factory=list)

    def select(self, news: Sequence[Learned], plain: Sequence[Learned]) -> list[Learned]:
        """What is to be told now, one piece of news for each lane; the rest is kept or dropped."""
        now = self.clock()
        urgent = [one for one in news if one.hold is not None or self._due(one.lane, now, _RESULTS_SECONDS)]
        ready = {one.lane for one in urgent}
        waiting = [*self._kept, *(one for one in news if one.hold is None)]
        self._kept = [one for one in waiting if one.lane not in ready]
        due = [one for one in plain if self._due(one.lane, now, _EVERY_SECONDS)]
        holds = [one for one in urgent if one.hold is not None]
        merged = _merged([*(one for one in waiting if one.lane in ready), *holds, *due])
        self._last |= {one.lane: now for one in merged if one.picked_up}
        return merged

    def _due(self, lane: Lane, now: float, every: float) -> bool:
        last = self._last.get(lane)
        return last is None or now - last >= every


def witness(cohorts: Cohorts, looks: Sequence[Look]) -> None:
    """Count the requests that were seen to go on: the others of their lane need not be asked about sooner."""
    for look in looks:
        if isinstance(look.result, Queued | Generating):
            cohorts.going(look.open.lane, look.open.attempt_id, look.age)


def of_going(look: Look, phases: Mapping[str, float] | None = None) -> list[Learned]:
    """What a look at a request that goes on teaches.

    ``phases`` where it was seen at work for the first time, with the seconds that it waited before.
    """
    if look.phase is not Phase.GENERATION:
        return []
    started = () if phases is None else (_waited(phases),)
    return [Learned(look.open.lane, picked_up=True, started=started)]


def of_result(look: Look, phases: Mapping[str, float]) -> Learned:
    """What a result teaches: how long it took until then, without how late we looked."""
    seen_at_work = look.open.phase == Phase.GENERATION
    told = Phase.DETECTION in phases
    return Learned(
        look.open.lane,
        picked_up=True,
        # The one that was looked at late says when we looked, and not when it ended.
        took=() if look.open.troubled else (max(look.age - phases.get(Phase.DETECTION, 0.0), 0.0),),
        started=(_waited(phases),) if told and not seen_at_work else (),
    )


def of_end(look: Look, verdict: Ended) -> list[Learned]:
    """What a verdict without a result teaches: perhaps a runner was at work."""
    return [] if verdict.inference_seconds is None else [Learned(look.open.lane, picked_up=True)]


def of_failure(look: Look, why: LookFailed) -> list[Learned]:
    """What a look that failed teaches: that the provider wants fewer questions."""
    if why.retry_after is None:
        return []
    return [Learned(Lane(look.open.provider, ""), hold=why.retry_after, reason=LOOKS)]


def _waited(phases: Mapping[str, float]) -> float:
    return phases.get(Phase.PROVIDER_QUEUE, 0.0) + phases.get(Phase.COLD_START, 0.0)


def _merged(news: Sequence[Learned]) -> list[Learned]:
    by_lane: dict[Lane, list[Learned]] = {}
    for one in news:
        by_lane.setdefault(one.lane, []).append(one)
    return [_together(lane, parts) for lane, parts in by_lane.items()]


def _together(lane: Lane, parts: Sequence[Learned]) -> Learned:
    longest = max(parts, key=lambda one: one.hold or 0.0)
    return Learned(
        lane,
        hold=longest.hold,
        reason=longest.reason,
        picked_up=any(one.picked_up for one in parts),
        hooked=any(one.hooked for one in parts),
        took=[value for one in parts for value in one.took],
        started=[value for one in parts for value in one.started],
    )
