"""The provider's verdict on a generation: the cost is booked, and the job goes on to its files or its end."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.costs import Cost
from domain.lifecycle import AttemptStatus, JobStatus
from domain.retry import after_verdict
from domain.timeline import Phase, PhaseClock, finish
from providers.base import Ended, Finished
from services import ending
from services.outputs import outputs_of
from services.runtime import Runtime
from storage import agenda, jobs, ledger
from storage.database import Session
from storage.records import AttemptRecord, JobRecord


@dataclass(frozen=True, slots=True)
class Seen:
    """When a verdict was seen, and how long before that the last look may have been, in seconds."""

    at: datetime
    interval: float | None


def finished(session: Session, job: JobRecord, attempt: AttemptRecord, verdict: Finished, seen: Seen) -> None:
    """It is made and paid for: keep where the files lie, book the cost, and have them fetched."""
    at = seen.at
    outputs = outputs_of(verdict)
    _settle(session, job, attempt, verdict.cost, at)
    jobs.move_attempt(
        session,
        attempt,
        AttemptStatus.STORING,
        outputs=outputs,
        filtered=verdict.filtered,
        detected_at=at,
        phases=_phases(attempt, seen, verdict.inference_seconds),
    )
    _note_end(session, job, attempt, at, files=len(outputs), filtered=verdict.filtered)
    jobs.move_job(session, job, JobStatus.STORING, ended_at=None, error=None)
    agenda.schedule(session, job, at)
    agenda.wake(session)


def ended(
    runtime: Runtime,
    session: Session,
    job: JobRecord,
    attempt: AttemptRecord,
    verdict: Ended,
    seen: Seen,
) -> None:
    """There is no result: book what it cost, and decide whether the job is tried again."""
    at = seen.at
    _settle(session, job, attempt, verdict.cost, at)
    jobs.move_attempt(
        session,
        attempt,
        AttemptStatus.CANCELED if verdict.canceled else AttemptStatus.FAILED,
        error=verdict.failure.as_json(),
        detected_at=at,
        ended_at=at,
        phases=_phases(attempt, seen, verdict.inference_seconds),
    )
    _note_end(session, job, attempt, at, error=verdict.failure.code.value)
    if verdict.canceled:
        ending.end(runtime, session, job, JobStatus.CANCELED, verdict.failure)
        return
    if verdict.failure.elsewhere:
        ending.mark_exhausted(job, job.plan_at)
    again = after_verdict(verdict.failure, verdict.cost, ending.tried(runtime, session, job))
    ending.go_on(runtime, session, job, verdict.failure, again)


def _settle(session: Session, job: JobRecord, attempt: AttemptRecord, cost: Cost, at: datetime) -> None:
    attempt.cost_nano = cost.nano
    attempt.cost_basis = cost.basis
    attempt.cost_final = cost.final
    attempt.billed_units = cost.units
    ledger.settle(session, job, attempt, at)


def attempt_clock(attempt: AttemptRecord) -> PhaseClock:
    """The attempt's running clock."""
    phase = Phase(attempt.phase) if attempt.phase else None
    return PhaseClock(phase, attempt.phase_since or attempt.submitted_at, attempt.phases)


def _phases(attempt: AttemptRecord, seen: Seen, inference: Decimal | None) -> dict[str, float]:
    return finish(attempt_clock(attempt), seen.at, inference=inference, interval=seen.interval)


def _note_end(
    session: Session, job: JobRecord, attempt: AttemptRecord, at: datetime, **data: str | int
) -> None:
    jobs.note(session, job.id, "provider_end", at, attempt=attempt.number, data=data)
    jobs.note(session, job.id, "detected", at, attempt=attempt.number)
