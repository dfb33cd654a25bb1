"""How a job ends, and how it goes on after a failure: money settled, customers told, waiters woken."""

from collections.abc import Sequence
from datetime import timedelta

from domain.failures import ErrorCode, Failure
from domain.lifecycle import JobStatus
from domain.retry import DEFAULT_MAX_ATTEMPTS, Again, Tried
from services.events import tell
from services.runtime import Runtime
from services.totals import known, total
from storage import agenda, jobs, ledger
from storage.batches import turns
from storage.database import Session
from storage.records import AttemptRecord, JobRecord


def end(
    runtime: Runtime, session: Session, job: JobRecord, status: JobStatus, failure: Failure | None = None
) -> None:
    """Move a job to an end: frees its reserve once every cost is known, and tells whoever is to be told.

    A job in ``review`` keeps its reserve and its place on the agenda where the caller sets one. One that was
    stopped by its deadline has failed; only one that was stopped on request is canceled.
    """
    at = runtime.clock()
    if status is JobStatus.CANCELED and stopped_by_deadline(job):
        status, failure = JobStatus.FAILED, past_deadline(job)
    error = failure.as_json() if failure is not None else None
    attempts = jobs.attempts_of(session, [job.id])
    jobs.move_job(session, job, status, ended_at=at, error=error, **total(attempts))
    agenda.unschedule(session, job.id)
    if job.batch_id is not None:
        turns.drop(session, job.id)
    if status is not JobStatus.REVIEW:
        free_reserve(session, runtime, job, attempts)
    jobs.note(session, job.id, status.value, at, data={"error": error} if error else None)
    tell(runtime, session, job)
    agenda.wake(session)
    agenda.announce_end(session, job.id)


def free_reserve(
    session: Session, runtime: Runtime, job: JobRecord, attempts: Sequence[AttemptRecord]
) -> None:
    """Release what was held for a job; while a cost is not known it stays held: unknown is not free."""
    if job.reserved_nano and known(attempts):
        ledger.release(session, job, job.reserved_nano, runtime.clock())
        job.reserved_nano = 0


def go_on(runtime: Runtime, session: Session, job: JobRecord, failure: Failure, again: Again | None) -> None:
    """What follows a failed attempt: canceled if that was asked for, the next try, or the end."""
    if job.cancel_requested_at is not None:
        end(runtime, session, job, JobStatus.CANCELED, CANCELED)
    elif again is None:
        end(runtime, session, job, JobStatus.FAILED, failure)
    else:
        requeue(runtime, session, job, failure, again)


def requeue(runtime: Runtime, session: Session, job: JobRecord, failure: Failure, again: Again) -> None:
    """Put a job back in the queue for the offer that was decided on."""
    at = runtime.clock()
    entry = job.plan[again.position]
    jobs.move_job(
        session,
        job,
        JobStatus.QUEUED,
        plan_at=again.position,
        provider=entry["provider"],
        endpoint=entry["endpoint"],
        ended_at=None,
        error=None,
    )
    jobs.note(
        session,
        job.id,
        "queued",
        at,
        data={
            "reason": failure.code.value,
            "provider": entry["provider"],
            "delay_seconds": again.delay,
        },
    )
    agenda.schedule(session, job, at + timedelta(seconds=again.delay))
    agenda.wake(session)


def aim(job: JobRecord, position: int) -> None:
    """Have a queued job go to the offer at ``position`` of its plan."""
    entry = job.plan[position]
    job.plan_at, job.provider, job.endpoint = position, entry["provider"], entry["endpoint"]


def mark_exhausted(job: JobRecord, position: int) -> None:
    """Remember that the offer at ``position`` will keep refusing this job."""
    plan = [dict(entry) for entry in job.plan]
    plan[position]["exhausted"] = True
    job.plan = plan


def tried(runtime: Runtime, session: Session, job: JobRecord) -> Tried:
    """How far a job has come, as the decision to try again needs it."""
    attempts = jobs.attempts_of(session, [job.id])
    taken = sum(attempt.provider_request_id is not None for attempt in attempts)
    retried = jobs.last_noted(session, job.id, "retried")
    tries = [one.submitted_at for one in attempts if retried is None or one.submitted_at >= retried]
    now = runtime.clock()
    return Tried(
        position=job.plan_at,
        exhausted=[entry["exhausted"] for entry in job.plan],
        taken=taken,
        refusals=len(attempts) - taken,
        age=(now - min(tries, default=now)).total_seconds(),
        fallback=bool(job.routing.get("fallback", True)),
        most=int(job.routing.get("max_attempts", DEFAULT_MAX_ATTEMPTS)),
    )


CANCELED = Failure(ErrorCode.CANCELED, "the job was canceled on request")


def stopped_by_deadline(job: JobRecord) -> bool:
    """Whether it was the deadline that had the job stopped, and not its customer before that."""
    asked, deadline = job.cancel_requested_at, job.deadline_at
    return asked is not None and deadline is not None and asked >= deadline


def past_deadline(job: JobRecord) -> Failure:
    """What a job is told that did not end in time."""
    seconds = job.routing.get("deadline")
    return Failure(ErrorCode.DEADLINE, f"the job did not end within its deadline of {seconds} s")
