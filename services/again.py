"""A failed or canceled job once more: what is made and paid for is only fetched again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.budgets import BudgetExceeded
from domain.lifecycle import AttemptStatus, JobStatus
from services.refusals import Conflict, NotFound
from services.runtime import Runtime
from services.spending import hold_again, refused
from services.views import job_view
from storage import agenda, jobs
from storage.batches import states
from storage.database import Session
from storage.records import AttemptRecord, JobRecord


def retry(runtime: Runtime, *, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """Run a failed or canceled job again, as a new attempt of the same job.

    A job whose generation finished and whose files could not be stored is not generated again: its files
    are fetched once more. The batch that it is a row of runs again, too, and completes once more.

    Raises:
        NotFound: the project has no such job.
        Conflict: the job is neither failed nor canceled, or was erased.
        OverBudget: a budget does not cover what another try may cost.
    """
    try:
        return _retried(runtime, project_id, job_id)
    except BudgetExceeded as error:
        raise refused(runtime, error.exceeded) from None


def _retried(runtime: Runtime, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    with runtime.database.work() as session:
        found = jobs.job_of_project(session, project_id, job_id)
        if found is not None and found.batch_id is not None:
            # Before the job is held, as all who hold both do it.
            states.reopen(session, found.batch_id)
        job = jobs.lock_job(session, job_id) if found is not None else None
        if job is None:
            raise NotFound(f"there is no job {job_id} in this project")
        if job.status not in {JobStatus.FAILED, JobStatus.CANCELED}:
            raise Conflict(
                f"only a failed or canceled job can be retried; this one is {job.status}",
                code="not_retryable",
                status=job.status,
            )
        if job.erase_requested_at is not None:
            raise Conflict("what this job was asked is erased: submit a new one", code="job_erased")
        attempt = jobs.last_attempt(session, job_id)
        if attempt is not None and attempt.outputs and attempt.status == AttemptStatus.FAILED:
            _fetch_again(runtime, session, job, attempt)
        else:
            _run_again(runtime, session, job)
        session.flush()
        return job_view(
            job, jobs.attempts_of(session, [job_id]), jobs.assets_of(session, [job_id]), now=runtime.clock()
        )


def _fetch_again(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord) -> None:
    at = runtime.clock()
    attempt.store_tries = 0
    jobs.move_attempt(session, attempt, AttemptStatus.STORING, ended_at=None, error=None, detected_at=at)
    jobs.move_job(session, job, JobStatus.STORING, ended_at=None, error=None, cancel_requested_at=None)
    _start(runtime, session, job, "fetched again")


def _run_again(runtime: Runtime, session: Session, job: JobRecord) -> None:
    job.plan = [{**entry, "exhausted": False} for entry in job.plan]
    first = job.plan[0]
    jobs.move_job(
        session,
        job,
        JobStatus.QUEUED,
        plan_at=0,
        provider=first["provider"],
        endpoint=first["endpoint"],
        ended_at=None,
        error=None,
        cancel_requested_at=None,
        deadline_at=_new_deadline(runtime, job),
    )
    # What is still held is for a try whose cost nobody knows: this one may cost as much again.
    highs = [entry["high_nano"] for entry in job.plan]
    hold_again(session, job, _most(highs), runtime=runtime)
    _start(runtime, session, job, "run again")


def _most(highs: Sequence[int | None]) -> int | None:
    """What one of several offers may cost; None where that is known of none."""
    return max((high for high in highs if high is not None), default=None)


def _new_deadline(runtime: Runtime, job: JobRecord) -> datetime | None:
    """The time that a job may take counts anew from when it was asked for again."""
    seconds = job.routing.get("deadline")
    return None if seconds is None else runtime.clock() + timedelta(seconds=seconds)


def _start(runtime: Runtime, session: Session, job: JobRecord, how: str) -> None:
    at = runtime.clock()
    jobs.note(session, job.id, "retried", at, data={"how": how})
    agenda.schedule(session, job, at)
    agenda.wake(session)
