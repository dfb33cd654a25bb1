"""Parking an attempt that may have been taken: looked for where that is possible, else given to a person."""

from datetime import timedelta
from typing import Final

from domain.failures import Failure
from domain.lifecycle import AttemptStatus, JobStatus
from domain.reconciling import GRACE_SECONDS, next_search
from services import ending
from services.runtime import Runtime
from storage import agenda, jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

DECIDE: Final = "; a person decides: `darkroom jobs resolve` shows the choices and what each may cost"


def begin(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, failure: Failure
) -> None:
    """Park an attempt that may have been taken, and have it looked for.

    Most are found within seconds, by the provider's list or by its webhook; so for that long the job stays
    ``submitting``, and nobody is told of a review that is over at once.
    """
    jobs.move_attempt(session, attempt, AttemptStatus.UNKNOWN, error=failure.as_json())
    at = runtime.clock()
    listed = is_searchable(runtime, job, attempt)
    if not listed and not is_hooked(runtime, attempt):
        ending.end(runtime, session, job, JobStatus.REVIEW, with_more(failure, DECIDE))
        return
    data = {"error": failure.as_json()}
    jobs.note(session, job.id, "outcome_unknown", at, attempt=attempt.number, data=data)
    pause = next_search(0, 0.0, GRACE_SECONDS) if listed else GRACE_SECONDS
    agenda.schedule(session, job, at + timedelta(seconds=pause))
    agenda.wake(session)


def is_searchable(runtime: Runtime, job: JobRecord, attempt: AttemptRecord) -> bool:
    """Whether the attempt would show by name in its provider's list of requests."""
    provider = runtime.providers.get(attempt.provider)
    listed = provider is not None and provider.marker_field is not None
    return listed and attempt.marked and not job.routing.get("zero_retention")


def is_hooked(runtime: Runtime, attempt: AttemptRecord) -> bool:
    """Whether its provider would tell us of it by webhook."""
    return runtime.settings.public_url is not None and attempt.provider in runtime.hooks


def with_more(failure: Failure, more: str) -> Failure:
    """The same failure, with what is being done about it."""
    return Failure(failure.code, failure.message + more, failure.provider_code)
