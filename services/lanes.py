"""What all processes know together of each lane: learned as work goes on, asked before the next step."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.circuit import Circuit
from domain.lanes import Lane, Learned
from domain.lifecycle import Kind
from domain.looks import Schedule, pause
from domain.starts import is_warm
from services.lane_book import LaneFacts
from services.runtime import Runtime
from storage import lanes as rows
from storage.database import DatabaseTrouble, Session
from storage.lanes import News

# The reason of a hold that is about looks, and not about what is sent.
LOOKS: Final = "looks"
_HOOKS_STAY: Final = timedelta(hours=1)
_JITTER_SHARE: Final = 0.06
# fal documents no schedule of looks: this is the shortest pause that we allow ourselves there.
_LEAST_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


def learn(runtime: Runtime, news: Sequence[Learned]) -> None:
    """Write down what some work has learned, in a unit of work of its own; failing to is only logged."""
    at = runtime.clock()
    by_lane: dict[Lane, list[Learned]] = defaultdict(list)
    for one in news:
        by_lane[one.lane].append(one)
    written = [said for lane, of_lane in by_lane.items() if (said := _news(lane, of_lane, at)) is not None]
    lives = [
        (lane.provider, of_lane)
        for lane, of_lane in by_lane.items()
        if not lane.endpoint and _matters(runtime, lane, of_lane)
    ]
    holds = [one for one in news if one.hold is not None and one.reason == LOOKS]
    if not (written or lives or holds):
        return
    try:
        with runtime.database.work() as session:
            _write(runtime, session, written, lives, holds, at)
    except DatabaseTrouble:
        log.warning("lanes_not_written", lanes=len(by_lane))
    runtime.lanes.forget()


def held(runtime: Runtime, lanes: Sequence[Lane]) -> dict[Lane, datetime]:
    """Until when nothing may be sent to those of the lanes that are held back or whose circuit is open."""
    now = runtime.clock()
    with runtime.database.work() as session:
        known = rows.some(session, lanes)
    until: dict[Lane, datetime] = {}
    for lane in lanes:
        of_lane = [known[one] for one in (lane, Lane(lane.provider, "")) if one in known]
        times = [time for row in of_lane for time in (row.held_until, row.open_until) if time and time > now]
        if times:
            until[lane] = max(times)
    return until


def next_look(runtime: Runtime, lane: Lane, kind: Kind, *, age: float, generating: bool) -> float | None:
    """Seconds until the next look at a request of ``age`` seconds; None when the provider's schedule ended.

    ``generating`` once a runner was seen at work: before that, looks also tell when it starts.
    """
    provider = runtime.providers.get(lane.provider)
    usual = None if provider is None else provider.next_look(kind, age)
    if provider is None or usual is None:
        return None
    facts, limits = runtime.lanes.facts(lane), runtime.catalogue.limits.of_lane(lane)
    # Where the provider names its schedule, nobody looks more often.
    least = usual if provider.paced else _LEAST_SECONDS
    schedule = Schedule(
        usual=usual,
        least=least,
        shows_start=limits.runners,
        warm=is_warm(limits, facts.warm_at, runtime.clock()),
        pattern=runtime.lanes.pattern(lane),
        started=facts.started,
        hooked=_is_hooked(facts, runtime.clock()),
    )
    seconds = pause(age, schedule, generating=generating)
    if provider.paced:
        return seconds
    # Requests that were taken together are not all asked about together; and rather early than late.
    return max(seconds * (1 - _JITTER_SHARE * secrets.randbelow(1001) / 1000), least)


def _write(
    runtime: Runtime,
    session: Session,
    written: Sequence[News],
    lives: Sequence[tuple[str, Sequence[Learned]]],
    holds: Sequence[Learned],
    at: datetime,
) -> None:
    # All at once and in their one order: those who claim and let out hold these rows too.
    whole = [Lane(provider, "") for provider, _ in lives] + [Lane(one.lane.provider, "") for one in holds]
    rows.locked(session, [*(one.lane for one in written), *whole])
    rows.write(session, written)
    for provider, news in sorted(lives, key=lambda life: life[0]):
        _beat(session, provider, news, at)
    for one in sorted(holds, key=lambda one: one.lane):
        provider = one.lane.provider
        rate = runtime.catalogue.limits.of_provider(provider).looks_per_second
        rows.hold_looks(session, provider, seconds=one.hold or 0.0, rate=rate, at=at)


def _news(lane: Lane, news: Sequence[Learned], at: datetime) -> News | None:
    """What is to be written of one lane; None where nothing is."""
    holds = [one for one in news if one.hold is not None and one.reason != LOOKS]
    longest = max(holds, key=lambda one: one.hold or 0.0, default=None)
    said = News(
        lane,
        held_until=None if longest is None else at + timedelta(seconds=longest.hold or 0.0),
        held_reason=None if longest is None else longest.reason,
        warm_at=at if any(one.picked_up for one in news) else None,
        hook_at=at if any(one.hooked for one in news) else None,
        took=tuple(value for one in news for value in one.took),
        started=tuple(value for one in news for value in one.started),
    )
    return None if said == News(lane) else said


def _matters(runtime: Runtime, lane: Lane, news: Sequence[Learned]) -> bool:
    """Whether it can change the provider's circuit: an answer changes nothing while all is well."""
    if any(one.troubles for one in news):
        return True
    return any(one.answered for one in news) and runtime.lanes.facts(lane).troubles > 0


def _beat(session: Session, provider: str, news: Sequence[Learned], at: datetime) -> None:
    """Whether a provider is up is known by what is sent to it, and by nothing else."""
    lane = Lane(provider, "")
    row = rows.locked(session, [lane])[lane]
    before = Circuit(row.troubles, row.open_until)
    after = before.after(
        answered=any(one.answered for one in news), troubles=sum(one.troubles for one in news), now=at
    )
    row.troubles, row.open_until = after.troubles, after.open_until
    if after.is_open(at) and not before.is_open(at):
        log.warning("circuit_opened", provider=provider, troubles=after.troubles)
    elif before.troubles and not after.troubles and before.open_until is not None:
        log.info("circuit_closed", provider=provider)


def _is_hooked(facts: LaneFacts, now: datetime) -> bool:
    return facts.hook_at is not None and now - facts.hook_at < _HOOKS_STAY
