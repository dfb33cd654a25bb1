"""Deadlines: a job that has not ended in time is stopped, and what is made by then is kept all the same."""

from typing import Final
from uuid import UUID

import structlog

from domain.lifecycle import JobStatus, MoveRefused
from services import ending
from services.runtime import Runtime
from storage import agenda, jobs
from storage.database import DatabaseTrouble, Session
from storage.records import JobRecord

_MOST: Final = 500
_STOPPED: Final = frozenset({JobStatus.SUBMITTING, JobStatus.RUNNING})

log = structlog.get_logger(__name__)


def sweep(runtime: Runtime) -> None:
    """Stop every job whose deadline has passed since the last sweep."""
    with runtime.database.work() as session:
        late = jobs.past_deadline(session, runtime.clock(), most=_MOST)
    for job_id in late:
        _stop(runtime, job_id)


def expire(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """End a queued job that is past its deadline: nothing is on its way anywhere."""
    job.cancel_requested_at = runtime.clock()
    ending.end(runtime, session, job, JobStatus.FAILED, ending.past_deadline(job))


def _stop(runtime: Runtime, job_id: UUID) -> None:
    """One job in a unit of work of its own, so that a fault with it does not keep the others going."""
    try:
        with runtime.database.work() as session:
            job = jobs.lock_job(session, job_id)
            if job is None or job.cancel_requested_at is not None:
                return
            if job.status == JobStatus.QUEUED:
                expire(runtime, session, job)
            elif job.status in _STOPPED:
                _ask_to_stop(runtime, session, job)
    except (DatabaseTrouble, MoveRefused):
        log.exception("deadline_not_kept", job_id=str(job_id))


def _ask_to_stop(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """Have the provider asked to drop it; should it finish first, what is paid for is kept."""
    at = runtime.clock()
    job.cancel_requested_at = at
    jobs.note(session, job.id, "deadline_passed", at)
    if job.status == JobStatus.RUNNING:
        agenda.look_now(session, job.id, at)
