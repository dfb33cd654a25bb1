"""What looks teach of their lanes: told at once where it changes a decision, else now and then."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.lanes import Lane, Learned
from domain.timeline import Phase
from providers.base import Ended, LookFailed
from services.sights import Look

_EVERY_SECONDS: Final = 5.0


@dataclass(slots=True)
class Told:
    """When each lane was last told of; one for each who keeps looking, and not shared between threads.

    A look that saw what was seen before says only that the provider is up: that is told every few seconds,
    and at once after trouble, so that failures with answers between them are not taken for a row of failures.
    """

    clock: Callable[[], float] = time.monotonic
    _last: dict[Lane, float] = field(default_factory=dict)
    _troubled: set[str] = field(default_factory=set)

    def select(self, news: Sequence[Learned], plain: Sequence[Learned]) -> list[Learned]:
        """What is to be told now: one piece of news for each lane, plain ones only where they are due."""
        now = self.clock()
        troubled = self._troubled | {one.lane.provider for one in news if one.troubles}
        due = [one for one in plain if one.lane.provider in troubled or self._due(one.lane, now)]
        merged = _merged([*news, *due])
        for one in merged:
            self._last[one.lane] = now
        self._troubled |= {one.lane.provider for one in merged if one.troubles}
        self._troubled -= {one.lane.provider for one in merged if one.answered and not one.troubles}
        return merged

    def _due(self, lane: Lane, now: float) -> bool:
        last = self._last.get(lane)
        return last is None or now - last >= _EVERY_SECONDS


def of_going(look: Look, phases: Mapping[str, float] | None = None) -> Learned:
    """What a look at a request that goes on teaches.

    ``phases`` where it was seen at work for the first time, with the seconds that it waited before.
    """
    at_work = look.phase is Phase.GENERATION
    started = (_waited(phases),) if at_work and phases is not None else ()
    return Learned(look.open.lane, answered=True, picked_up=at_work, started=started)


def of_result(look: Look, phases: Mapping[str, float]) -> Learned:
    """What a result teaches: how long it took until then, without how late we looked."""
    seen_at_work = look.open.phase == Phase.GENERATION
    told = Phase.DETECTION in phases
    return Learned(
        look.open.lane,
        answered=True,
        picked_up=True,
        took=() if look.open.troubled else (max(look.age - phases.get(Phase.DETECTION, 0.0), 0.0),),
        started=(_waited(phases),) if told and not seen_at_work else (),
    )


def of_end(look: Look, verdict: Ended) -> Learned:
    """What a verdict without a result teaches: the provider is up, and perhaps a runner was at work."""
    return Learned(look.open.lane, answered=True, picked_up=verdict.inference_seconds is not None)


def of_failure(look: Look, why: LookFailed) -> list[Learned]:
    """What a look that failed teaches: that the provider may be down, or that it wants fewer questions."""
    news = []
    if why.down:
        news.append(Learned(look.open.lane, troubles=1))
    if why.retry_after is not None:
        everywhere = Lane(look.open.provider, "")
        news.append(Learned(everywhere, hold=why.retry_after, reason="looks"))
    return news


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
        answered=any(one.answered for one in parts),
        troubles=sum(one.troubles for one in parts),
        hold=longest.hold,
        reason=longest.reason,
        picked_up=any(one.picked_up for one in parts),
        hooked=any(one.hooked for one in parts),
        took=[value for one in parts for value in one.took],
        started=[value for one in parts for value in one.started],
    )
