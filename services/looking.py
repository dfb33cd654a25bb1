"""Looking at open generations: what to ask the provider about, and what its answer changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.costs import Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus, Kind
from domain.timeline import Phase, advance, queued_phase
from providers.base import Ended, Finished, Handle, LookFailed, Observation, Queued
from services import ending, verdicts
from services.runtime import Runtime
from services.verdicts import Seen, attempt_clock
from storage import agenda, jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

_LOOKED_AT: Final = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})
_MISSES: Final = 3
_MISS_SECONDS: Final = 20.0
_LONGEST_PAUSE: Final = 60.0
# After the provider's schedule has ended the job waits in review; its verdict may still come.
_REVIEW_PAUSE: Final = timedelta(minutes=10)
_REVIEW_WINDOW: Final = timedelta(hours=48)

Result = Observation | LookFailed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Open:
    """An accepted request that is due for a look.

    ``cancel`` when its cancel must be asked for first; ``troubled`` when the last look brought nothing, or
    the job waits in review.
    """

    job_id: UUID
    attempt_id: UUID
    provider: str
    handle: Handle
    phase: str | None
    position: int | None
    cancel: bool
    troubled: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: an observation, or why there was none."""

    open: Open
    result: Result
    at: datetime


def open_requests(runtime: Runtime, job_ids: Sequence[UUID]) -> list[Open]:
    """What has to be asked about the given jobs; a job with nothing to ask about is left out."""
    if not job_ids:
        return []
    with runtime.database.work() as session:
        rows = jobs.running_attempts(session, job_ids)
    return [
        Open(
            job_id=job.id,
            attempt_id=attempt.id,
            provider=attempt.provider,
            handle=handle_of(job, attempt),
            phase=attempt.phase,
            position=attempt.queue_position,
            cancel=job.cancel_requested_at is not None and attempt.cancel_effect is None,
            troubled=attempt.troubles > 0 or job.status != JobStatus.RUNNING,
        )
        for job, attempt in rows
    ]


def handle_of(job: JobRecord, attempt: AttemptRecord) -> Handle:
    """All that the provider's adapter needs to know of an accepted request."""
    expected = attempt.expected_nano
    return Handle(
        request_id=attempt.provider_request_id or "",
        kind=Kind(job.kind),
        endpoint=attempt.endpoint,
        accepted_at=attempt.accepted_at or attempt.submitted_at,
        status_url=attempt.status_url,
        response_url=attempt.response_url,
        cancel_url=attempt.cancel_url,
        price_nano=attempt.price_nano,
        unit_price=attempt.unit_price,
        expected_cost=None if expected is None else Cost(expected, Basis.CATALOGUE, final=False),
    )


def record(runtime: Runtime, looks: Sequence[Look], *, owner: str) -> None:
    """Write down what looks brought: those that saw nothing new in one statement, the others one by one."""
    again: list[tuple[UUID, datetime]] = []
    for look in looks:
        interval = _interval(runtime, look)
        if interval is not None and _nothing_new(look):
            again.append((look.open.job_id, look.at + timedelta(seconds=interval)))
        else:
            _record_one(runtime, look)
    with runtime.database.work() as session:
        agenda.reschedule(session, again, owner=owner)


def _record_one(runtime: Runtime, look: Look) -> None:
    """One look in a unit of work of its own, so that a fault with one job does not hold up the others."""
    try:
        with runtime.database.work() as session:
            _record(runtime, session, look)
    except Exception:
        log.exception("look_not_written", job_id=str(look.open.job_id))


def _nothing_new(look: Look) -> bool:
    if isinstance(look.result, LookFailed | Finished | Ended) or look.open.troubled:
        return False
    position = look.result.position if isinstance(look.result, Queued) else None
    return _seen(look) == look.open.phase and position == look.open.position


def _seen(look: Look) -> Phase:
    if isinstance(look.result, Queued):
        current = Phase(look.open.phase) if look.open.phase else None
        return queued_phase(look.result.position, current)
    return Phase.GENERATION


def _record(runtime: Runtime, session: Session, look: Look) -> None:
    job, attempt = jobs.lock_attempt(session, look.open.attempt_id)
    if attempt.status not in _LOOKED_AT:
        return
    if isinstance(look.result, LookFailed):
        _failed(runtime, session, job, attempt, look, look.result)
    elif isinstance(look.result, Finished):
        verdicts.finished(session, job, attempt, look.result, Seen(look.at, _interval(runtime, look)))
    elif isinstance(look.result, Ended):
        seen = Seen(look.at, _interval(runtime, look))
        verdicts.ended(runtime, session, job, attempt, look.result, seen)
    else:
        _progressed(runtime, session, job, attempt, look)


def _progressed(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, look: Look
) -> None:
    seen = _seen(look)
    clock = advance(attempt_clock(attempt), seen, look.at, gap=_interval(runtime, look))
    position = look.result.position if isinstance(look.result, Queued) else None
    if attempt.phase != seen or attempt.queue_position != position:
        name = "provider_start" if seen is Phase.GENERATION else "provider_queue"
        data = {} if position is None else {"position": position}
        jobs.note(session, job.id, name, look.at, attempt=attempt.number, data=data)
    attempt.phase, attempt.phase_since, attempt.phases = clock.phase, clock.since, dict(clock.phases)
    attempt.queue_position = position
    attempt.troubles = attempt.missing = 0
    if not _schedule_next(runtime, session, job, attempt, look):
        _overdue(runtime, session, job, attempt)


def _failed(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, look: Look, why: LookFailed
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
    elif not _schedule_next(runtime, session, job, attempt, look):
        _overdue(runtime, session, job, attempt)


def _schedule_next(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, look: Look
) -> bool:
    if job.status != JobStatus.RUNNING:
        _look_slowly(session, job, attempt, look.at)
        return True
    interval = _interval(runtime, look)
    if interval is None:
        return False
    pause = interval
    if isinstance(look.result, LookFailed):
        wait = _MISS_SECONDS if look.result.missing else min(2.0 ** min(attempt.troubles, 10), _LONGEST_PAUSE)
        pause = max(interval, wait, look.result.retry_after or 0.0)
    agenda.schedule(session, job, look.at + timedelta(seconds=pause))
    return True


def _interval(runtime: Runtime, look: Look) -> float | None:
    provider = runtime.providers.get(look.open.provider)
    if provider is None:
        return _LONGEST_PAUSE
    age = (look.at - look.open.handle.accepted_at).total_seconds()
    return provider.next_look(look.open.handle.kind, max(age, 0.0))


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
