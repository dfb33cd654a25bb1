"""Canceling a job at any moment, with the truth about what that can still stop."""

from typing import Any, Final
from uuid import UUID

import structlog

from domain.costs import NOT_BILLED
from domain.lifecycle import ENDED, AttemptStatus, JobStatus
from providers.base import CancelAnswer, Handle, LookFailed
from services import ending, reading
from services.looking import handle_of
from services.refusals import Conflict, NotFound
from services.runtime import Runtime
from storage import agenda, jobs, ledger
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

_AT_ONCE: Final = CancelAnswer("canceled", "it had not been sent: it is canceled and costs nothing")
_SENDING: Final = CancelAnswer(
    "requested", "it is being sent just now: the provider is asked to drop it as soon as it has answered"
)
_STORING: Final = CancelAnswer("too_late", "it is made and paid for: its result is kept")
_UNANSWERED: Final = CancelAnswer("requested", "the provider did not answer; it is asked again")

log = structlog.get_logger(__name__)


def cancel(runtime: Runtime, *, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """Cancel a job, asking the provider where one is running; the answer says what that can still stop.

    Raises:
        NotFound: the project has no such job.
        Conflict: the job has ended.
    """
    with runtime.database.work() as session:
        found = jobs.job_of_project(session, project_id, job_id)
        job = jobs.lock_job(session, job_id) if found is not None else None
        if job is None:
            raise NotFound(f"there is no job {job_id} in this project")
        answer, running = _request(runtime, session, job)
    if running is not None:
        answer = _ask_now(runtime, job_id, *running)
    view = reading.job(runtime, project_id, job_id)
    return view | {"cancellation": {"effect": answer.effect, "message": answer.message}}


def ask(runtime: Runtime, provider: str, handle: Handle) -> CancelAnswer:
    """Ask the provider to drop a request; raises LookFailed."""
    if provider not in runtime.providers:
        raise LookFailed(f"{provider} is not set up here any more: set its key again")
    return runtime.providers[provider].cancel(handle)


def record_answer(runtime: Runtime, attempt_id: UUID, answer: CancelAnswer) -> None:
    """Write down what the provider said to a cancel; a request that was still waiting there has ended."""
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        if attempt.status != AttemptStatus.RUNNING:
            return
        attempt.cancel_effect = answer.effect
        at = runtime.clock()
        jobs.note(session, job.id, "cancel_asked", at, attempt=attempt.number, data={"effect": answer.effect})
        if answer.effect == "removed":
            _removed(runtime, session, job, attempt)


def _request(
    runtime: Runtime, session: Session, job: JobRecord
) -> tuple[CancelAnswer, tuple[UUID, str, Handle] | None]:
    if job.status in ENDED:
        raise Conflict(f"the job has ended: it is {job.status}", code="job_ended", status=job.status)
    job.cancel_requested_at = job.cancel_requested_at or runtime.clock()
    jobs.note(session, job.id, "cancel_requested", runtime.clock())
    if job.status == JobStatus.QUEUED:
        ending.end(runtime, session, job, JobStatus.CANCELED, ending.CANCELED)
        return _AT_ONCE, None
    if job.status == JobStatus.SUBMITTING:
        return _SENDING, None
    if job.status == JobStatus.STORING:
        return _STORING, None
    attempt = jobs.last_attempt(session, job.id)
    if attempt is None:
        return _SENDING, None
    return _UNANSWERED, (attempt.id, attempt.provider, handle_of(job, attempt))


def _ask_now(runtime: Runtime, job_id: UUID, attempt_id: UUID, provider: str, handle: Handle) -> CancelAnswer:
    try:
        answer = ask(runtime, provider, handle)
    except LookFailed as error:
        log.warning("cancel_unanswered", job_id=str(job_id), provider=provider, reason=str(error))
        with runtime.database.work() as session:
            agenda.look_now(session, job_id, runtime.clock())
        return _UNANSWERED
    record_answer(runtime, attempt_id, answer)
    return answer


def _removed(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord) -> None:
    at = runtime.clock()
    attempt.cost_nano = NOT_BILLED.nano
    attempt.cost_basis = NOT_BILLED.basis
    attempt.cost_final = True
    ledger.settle(session, job, attempt, at)
    jobs.move_attempt(session, attempt, AttemptStatus.CANCELED, ended_at=at, error=ending.CANCELED.as_json())
    ending.end(runtime, session, job, JobStatus.CANCELED, ending.CANCELED)
