"""Looks at many requests written down together: those that go on, and those that brought a result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.lanes import Lane, Learned
from domain.lifecycle import JobStatus, MoveRefused
from domain.timeline import Phase, advance
from providers.base import Finished
from services import news
from services.runtime import Runtime
from services.sights import Sight
from services.verdicts import Seen, clock_of, result_of
from storage.database import DatabaseTrouble, Session
from storage.outage import DATABASE_AWAY
from storage.steps.finishing import Done, finish
from storage.steps.looking import OpenRow, Progress, hold, progress

# How long a result stays with its watcher, which has it fetched at once: a lost message costs no more.
HELD: Final = timedelta(seconds=15)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Written:
    """What became of the looks: the jobs with results, what they taught, and the looks that need more.

    ``ended``: the attempts that brought their result, each with its lane and the seconds that it took.
    """

    finished: list[UUID] = field(default_factory=list)
    ended: list[tuple[Lane, UUID, float]] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    unfinished: list[Sight] = field(default_factory=list)


def write(runtime: Runtime, sights: Sequence[Sight], *, owner: str) -> Written:
    """Write looks down in one unit of work; where that fails for a fault with one job, each by itself.

    ``sights`` holds one look at most for each request, none of them failed or ended without a result.
    Raises DatabaseTrouble when the database is away.
    """
    try:
        with runtime.database.work() as session:
            return _write(session, sights, owner)
    except DATABASE_AWAY:
        raise
    except (DatabaseTrouble, MoveRefused):
        if len(sights) > 1:
            return _one_by_one(runtime, sights, owner)
        log.exception("look_not_written", job_id=str(sights[0].look.open.job_id))
        return Written()


def _one_by_one(runtime: Runtime, sights: Sequence[Sight], owner: str) -> Written:
    written = Written()
    for sight in sights:
        one = write(runtime, [sight], owner=owner)
        written.finished += one.finished
        written.ended += one.ended
        written.learned += one.learned
        written.unfinished += one.unfinished
    return written


def _write(session: Session, sights: Sequence[Sight], owner: str) -> Written:
    held = hold(
        session,
        [sight.look.open.job_id for sight in sights],
        [sight.look.open.attempt_id for sight in sights],
    )
    written = Written()
    going: list[Progress] = []
    done: list[Done] = []
    for sight in sights:
        row = held.get(sight.look.open.attempt_id)
        if row is None:
            # Decided meanwhile: an old sight changes nothing.
            continue
        try:
            _sort(sight, row, written, going, done)
        except ValueError:
            # A row that nobody foresaw must not hold up the others.
            log.exception("look_not_written", job_id=str(row.job_id))
    until = max((one.at for one in done), default=None)
    moved = progress(session, going, owner=owner)
    if until is not None:
        moved |= finish(session, done, owner=owner, until=until + HELD)
    if len(moved) != len(going) + len(done):
        raise MoveRefused("an attempt was no longer where its look had found it")
    return written


def _sort(sight: Sight, row: OpenRow, written: Written, going: list[Progress], done: list[Done]) -> None:
    look = sight.look
    if isinstance(look.result, Finished):
        result = result_of(row, look.result, Seen(look.at, sight.interval, look.price))
        done.append(result)
        written.finished.append(row.job_id)
        taught = news.of_result(look, result.phases)
        written.learned.append(taught)
        written.ended += [(taught.lane, row.attempt_id, seconds) for seconds in taught.took]
        return
    on = _progress(sight, row)
    going.append(on)
    began = on.event == "provider_start" and row.phase is not None
    written.learned += news.of_going(look, on.phases if began else None)
    if on.next_at is None:
        written.unfinished.append(sight)


def _progress(sight: Sight, row: OpenRow) -> Progress:
    look = sight.look
    seen = look.phase
    clock = advance(clock_of(row), seen, look.at, gap=sight.interval)
    event = None
    if row.phase != seen or row.queue_position != look.position:
        event = "provider_start" if seen is Phase.GENERATION else "provider_queue"
    following = sight.interval is not None and row.job_status == JobStatus.RUNNING
    return Progress(
        job_id=row.job_id,
        attempt_id=row.attempt_id,
        number=row.number,
        phase=seen,
        since=clock.since,
        phases=dict(clock.phases),
        position=look.position,
        event=event,
        data={} if look.position is None else {"position": look.position},
        at=look.at,
        next_at=look.at + timedelta(seconds=sight.interval or 0.0) if following else None,
    )
