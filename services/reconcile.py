"""Attempts whose outcome is unknown: looked for where the provider can be asked, never sent again before."""

from collections.abc import Sequence
from uuid import UUID

from domain.failures import Failure
from domain.lifecycle import AttemptStatus, JobStatus
from services import ending
from services.runtime import Runtime
from storage import jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord


def begin(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, failure: Failure
) -> None:
    """Park an attempt that may have been taken."""
    jobs.move_attempt(session, attempt, AttemptStatus.UNKNOWN, error=failure.as_json())
    ending.end(runtime, session, job, JobStatus.REVIEW, failure)


def settle(runtime: Runtime, job_ids: Sequence[UUID]) -> None:
    """Go on with due jobs whose last attempt has no request id: lost by their worker, or unknown."""
    del runtime, job_ids
