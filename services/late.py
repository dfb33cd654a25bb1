"""Verdicts on attempts that were given up: what they cost is booked, and what they made is not lost."""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from domain.costs import Cost
from domain.lifecycle import SETTLED, AttemptStatus, JobStatus
from outbound.many import PooledWire
from providers.base import Ended, Finished, Handle, LookFailed, Observation, Provider
from services import ending
from services.outputs import outputs_of
from services.runtime import Runtime
from services.sights import handle_of
from services.totals import total
from storage import agenda, jobs, ledger
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

log = structlog.get_logger(__name__)


def look(provider: Provider, handle: Handle) -> Observation:
    """Ask once how a request stands; raises LookFailed."""

    async def once() -> Observation:
        async with PooledWire() as wire:
            return await provider.look(handle, wire)

    return asyncio.run(once())


def settle(runtime: Runtime, attempt_id: UUID) -> None:
    """Fetch and book the verdict on an attempt that was given up.

    Raises:
        LookFailed: there is no verdict yet, or it cannot be had just now.
    """
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        handle = handle_of(job, attempt)
    if attempt.provider not in runtime.providers:
        raise LookFailed(f"{attempt.provider} is not set up here any more: set its key again")
    verdict = look(runtime.providers[attempt.provider], handle)
    if not isinstance(verdict, Finished | Ended):
        raise LookFailed(f"{attempt.provider} has no verdict yet")
    runtime.database.insist(lambda session: _book(runtime, session, attempt_id, verdict))


def book_anew(session: Session, job: JobRecord, attempt: AttemptRecord, cost: Cost, at: datetime) -> None:
    """Have an attempt that is over cost this from now on; a cost that is not known changes nothing.

    Both are held by the caller. What was booked of it before is adjusted.
    """
    before = attempt.cost_nano
    if cost.nano is None:
        return
    attempt.cost_nano, attempt.cost_basis, attempt.cost_final = cost.nano, cost.basis, cost.final
    attempt.billed_units = cost.units
    if before is None:
        ledger.settle(session, job, attempt, at)
    else:
        ledger.adjust(session, job, attempt, cost.nano - before, at)


def is_given_up(attempt: AttemptRecord) -> bool:
    """Whether the attempt was given up without a verdict of its provider."""
    return attempt.status == AttemptStatus.FAILED and attempt.detected_at is None


def _book(runtime: Runtime, session: Session, attempt_id: UUID, verdict: Finished | Ended) -> None:
    job, attempt = jobs.lock_attempt(session, attempt_id)
    if not is_given_up(attempt):
        return
    at = runtime.clock()
    log.info("verdict_on_given_up", job_id=str(job.id), attempt=attempt.number, cost_nano=verdict.cost.nano)
    cost = verdict.cost
    attempt.detected_at = at
    # What its provider's billing has said is the better word.
    if attempt.invoiced_nano is None:
        book_anew(session, job, attempt, cost, at)
    data = {"cost_nano": cost.nano, "files": len(verdict.outputs) if isinstance(verdict, Finished) else 0}
    jobs.note(session, job.id, "late_verdict", at, attempt=attempt.number, data=data)
    if isinstance(verdict, Finished) and _is_wanted(job, attempt):
        _fetch(runtime, session, job, attempt, verdict)
    else:
        add_up(runtime, session, job)


def _is_wanted(job: JobRecord, attempt: AttemptRecord) -> bool:
    """Whether the job has nothing better: it failed on this very attempt, and is to be kept."""
    failed = job.status == JobStatus.FAILED and attempt.number == job.attempts
    return failed and job.erase_requested_at is None


def _fetch(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, verdict: Finished
) -> None:
    """It was made and is paid for: its files are the job's after all."""
    attempt.outputs, attempt.filtered = outputs_of(verdict), verdict.filtered
    jobs.move_attempt(session, attempt, AttemptStatus.STORING, ended_at=None, error=None)
    jobs.move_job(session, job, JobStatus.STORING, ended_at=None, error=None)
    agenda.schedule(session, job, runtime.clock())
    agenda.wake(session)


def add_up(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """Have a job that is over cost what its attempts cost now; frees what is held once all is known."""
    if job.status not in SETTLED:
        return
    session.flush()
    attempts = jobs.attempts_of(session, [job.id])
    for name, value in total(attempts).items():
        setattr(job, name, value)
    ending.free_reserve(session, runtime, job, attempts)
