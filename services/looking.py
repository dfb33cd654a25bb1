"""Looking at open generations: what to ask the provider about, and what its answers change."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.failures import ErrorCode, Failure
from domain.lanes import Learned
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Ended, LookFailed
from services import ending, lanes, news, together, verdicts
from services.news import Told
from services.runtime import Runtime
from services.sights import LONGEST_PAUSE, Look, Open, Result, Sight, handle_of, sight_of
from services.verdicts import Seen
from storage import agenda, jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord
from storage.steps.looking import release

__all__ = ["Look", "Open", "Result", "hand_back", "handle_of", "record"]

_LOOKED_AT: Final = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})
_MISSES: Final = 3
_MISS_SECONDS: Final = 20.0
# After the provider's schedule has ended the job waits in review; its verdict may still come.
_REVIEW_PAUSE: Final = timedelta(minutes=10)
_REVIEW_WINDOW: Final = timedelta(hours=48)

log = structlog.get_logger(__name__)


def record(runtime: Runtime, looks: Sequence[Look], *, owner: str, told: Told | None = None) -> list[UUID]:
    """Write down what looks brought, as many as can be together; answers the jobs that have a result.

    Each of these is left with ``owner`` for a while, who is to have its files fetched at once.
    """
    finished: list[UUID] = []
    learned: list[Learned] = []
    plain: list[Learned] = []
    for batch in _rounds(looks):
        news.witness(runtime.lanes.cohorts, batch)
        sights = [sight_of(runtime, look) for look in batch]
        quiet = [sight for sight in sights if sight.nothing_new]
        _put_off(runtime, quiet, owner)
        plain += [one for sight in quiet for one in news.of_going(sight.look)]
        alone = [sight for sight in sights if isinstance(sight.look.result, LookFailed | Ended)]
        apart = {sight.look.open.attempt_id for sight in (*quiet, *alone)}
        others = [sight for sight in sights if sight.look.open.attempt_id not in apart]
        if others:
            written = together.write(runtime, others, owner=owner)
            finished += written.finished
            for lane, attempt_id, seconds in written.ended:
                runtime.lanes.cohorts.ended(lane, attempt_id, seconds)
            learned += written.learned
            alone += written.unfinished
        for sight in alone:
            _record_one(runtime, sight)
            learned += _taught(sight.look)
    heard = (told or Told()).select(learned, plain)
    if heard:
        lanes.learn(runtime, heard)
    return finished


def hand_back(runtime: Runtime, unsent: Sequence[UUID], *, owner: str) -> None:
    """Leave what ``owner`` holds to whoever goes on: open generations, and work that was never let out."""
    now = runtime.clock()
    with runtime.database.work() as session:
        release(session, owner=owner, now=now)
        agenda.reschedule(session, [(job_id, now) for job_id in unsent], owner=owner)
        agenda.wake(session)


def _rounds(looks: Sequence[Look]) -> Iterator[list[Look]]:
    """The looks in order, with one look at most for each request in a round."""
    rest = list(looks)
    while rest:
        first = {look.open.attempt_id: look for look in reversed(rest)}
        yield list(first.values())
        rest = [look for look in rest if first[look.open.attempt_id] is not look]


def _put_off(runtime: Runtime, quiet: Sequence[Sight], owner: str) -> None:
    again = [
        (sight.look.open.job_id, sight.look.at + timedelta(seconds=sight.interval or 0.0)) for sight in quiet
    ]
    if again:
        with runtime.database.work() as session:
            agenda.reschedule(session, again, owner=owner)


def _taught(look: Look) -> list[Learned]:
    if isinstance(look.result, LookFailed):
        return news.of_failure(look, look.result)
    return news.of_end(look, look.result) if isinstance(look.result, Ended) else []


def _record_one(runtime: Runtime, sight: Sight) -> None:
    """One look in a unit of work of its own, so that a fault with one job does not hold up the others."""
    try:
        with runtime.database.work() as session:
            _record(runtime, session, sight)
    except Exception:
        log.exception("look_not_written", job_id=str(sight.look.open.job_id))


def _record(runtime: Runtime, session: Session, sight: Sight) -> None:
    look = sight.look
    job, attempt = jobs.lock_attempt(session, look.open.attempt_id)
    if attempt.status not in _LOOKED_AT:
        return
    if isinstance(look.result, LookFailed):
        _failed(runtime, session, job, attempt, sight, look.result)
    elif isinstance(look.result, Ended):
        seen = Seen(look.at, sight.interval, look.price)
        verdicts.ended(runtime, session, job, attempt, look.result, seen)
    elif not _schedule_next(session, job, attempt, sight):
        _overdue(runtime, session, job, attempt)


def _failed(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, sight: Sight, why: LookFailed
) -> None:
    """No verdict: look again later. Only a request that the provider keeps denying is given to a person."""
    attempt.troubles += 1
    attempt.missing = attempt.missing + 1 if why.missing else 0
    log.info(
        "look_failed",
        job_id=str(job.id),
        provider=attempt.provider,
        reason=str(why),
        troubles=attempt.troubles,
    )
    if attempt.missing >= _MISSES:
        _review(runtime, session, job, attempt, f"{attempt.provider} says that it knows no such request")
    elif not _schedule_next(session, job, attempt, sight):
        _overdue(runtime, session, job, attempt)


def _schedule_next(session: Session, job: JobRecord, attempt: AttemptRecord, sight: Sight) -> bool:
    look, pause = sight.look, sight.interval
    if job.status != JobStatus.RUNNING:
        _look_slowly(session, job, attempt, look.at)
        return True
    if pause is None:
        return False
    if isinstance(look.result, LookFailed):
        wait = _MISS_SECONDS if look.result.missing else min(2.0 ** min(attempt.troubles, 10), LONGEST_PAUSE)
        pause = max(pause, wait, look.result.retry_after or 0.0)
    agenda.schedule(session, job, look.at + timedelta(seconds=pause))
    return True


def _overdue(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord) -> None:
    _review(
        runtime,
        session,
        job,
        attempt,
        f"{attempt.provider} has not finished within the time that it documents for looking; "
        "its verdict may still come",
    )


def _review(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, reason: str) -> None:
    """Hand a job to a person while slow looks go on: a timeout of ours is not a verdict."""
    if job.status == JobStatus.RUNNING:
        jobs.move_attempt(session, attempt, AttemptStatus.UNKNOWN)
        ending.end(runtime, session, job, JobStatus.REVIEW, Failure(ErrorCode.OUTCOME_UNKNOWN, reason))
    _look_slowly(session, job, attempt, runtime.clock())


def _look_slowly(session: Session, job: JobRecord, attempt: AttemptRecord, at: datetime) -> None:
    if at - (attempt.accepted_at or attempt.submitted_at) < _REVIEW_WINDOW:
        agenda.schedule(session, job, at + _REVIEW_PAUSE)
    else:
        agenda.unschedule(session, job.id)
