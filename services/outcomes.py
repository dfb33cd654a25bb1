"""What came of a submit, committed at once: accepted, provably refused, or unknown."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.costs import NOT_BILLED
from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus, Kind
from domain.retry import after_refusal
from domain.timeline import Phase
from providers.base import Accepted, NotAccepted
from services import ending, reconcile
from services.runtime import Runtime
from storage import agenda, jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

_OPEN: Final = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN})

log = structlog.get_logger(__name__)


def accepted(runtime: Runtime, attempt_id: UUID, answer: Accepted) -> None:
    """Keep the provider's id: from here on the request is found again after any crash."""
    log.info("attempt_accepted", attempt_id=str(attempt_id), provider_request_id=answer.request_id)
    runtime.database.insist(lambda session: _accepted(runtime, session, attempt_id, answer))


def refused(runtime: Runtime, attempt_id: UUID, refusal: NotAccepted) -> None:
    """Book a try that was provably not taken, and decide what follows."""
    runtime.database.insist(lambda session: _refused(runtime, session, attempt_id, refusal))


def unknown(runtime: Runtime, attempt_id: UUID, reason: str) -> None:
    """Park a job whose request may have been taken: it is not sent again by itself."""
    runtime.database.insist(lambda session: _unknown(runtime, session, attempt_id, reason))


def adopt(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, answer: Accepted
) -> None:
    """Take a request as this attempt's own, however it was learned of."""
    at = runtime.clock()
    jobs.move_attempt(
        session,
        attempt,
        AttemptStatus.RUNNING,
        provider_request_id=answer.request_id,
        status_url=answer.status_url,
        response_url=answer.response_url,
        cancel_url=answer.cancel_url,
        price_nano=answer.price_nano,
        queue_position=answer.queue_position,
        sandbox=answer.sandbox,
        accepted_at=at,
        phase=_first_phase(answer),
        phase_since=at,
        error=None,
    )
    jobs.move_job(
        session, job, JobStatus.RUNNING, sandbox=job.sandbox or answer.sandbox, ended_at=None, error=None
    )
    jobs.note(
        session,
        job.id,
        "submitted",
        at,
        attempt=attempt.number,
        data={
            "provider": attempt.provider,
            "provider_request_id": answer.request_id,
            "queue_position": answer.queue_position,
        },
    )
    first = runtime.providers[attempt.provider].next_look(Kind(job.kind), 0.0)
    soon = job.cancel_requested_at is not None or first is None
    agenda.schedule(session, job, at if soon else at + timedelta(seconds=first or 0.0))
    agenda.wake(session)


def _accepted(runtime: Runtime, session: Session, attempt_id: UUID, answer: Accepted) -> None:
    job, attempt = jobs.lock_attempt(session, attempt_id)
    if attempt.status in _OPEN:
        adopt(runtime, session, job, attempt, answer)
    elif attempt.provider_request_id == answer.request_id:
        _complete(attempt, answer)
    else:
        # Decided otherwise meanwhile: the id is kept, so that the request can still be accounted for.
        attempt.provider_request_id = attempt.provider_request_id or answer.request_id
        data = {"provider_request_id": answer.request_id}
        jobs.note(session, job.id, "accepted_late", runtime.clock(), attempt=attempt.number, data=data)


def _complete(attempt: AttemptRecord, answer: Accepted) -> None:
    """The provider's webhook was here first and named the id alone: keep what only the answer says."""
    attempt.status_url, attempt.response_url = answer.status_url, answer.response_url
    attempt.cancel_url = answer.cancel_url
    attempt.price_nano = answer.price_nano


def _refused(runtime: Runtime, session: Session, attempt_id: UUID, refusal: NotAccepted) -> None:
    job, attempt = jobs.lock_attempt(session, attempt_id)
    # A refusal that comes after the lease ran out is proof all the same: it settles the reviewed job.
    if attempt.status not in _OPEN:
        return
    at = runtime.clock()
    failure = refusal.failure
    jobs.move_attempt(
        session,
        attempt,
        AttemptStatus.FAILED,
        error=failure.as_json(),
        cost_nano=NOT_BILLED.nano,
        cost_basis=NOT_BILLED.basis,
        cost_final=True,
        ended_at=at,
    )
    jobs.note(session, job.id, "refused", at, attempt=attempt.number, data={"error": failure.as_json()})
    if failure.elsewhere:
        ending.mark_exhausted(job, job.plan_at)
    again = after_refusal(failure, ending.tried(runtime, session, job), retry_after=refusal.retry_after)
    ending.go_on(runtime, session, job, failure, again)


def _unknown(runtime: Runtime, session: Session, attempt_id: UUID, reason: str) -> None:
    job, attempt = jobs.lock_attempt(session, attempt_id)
    if attempt.status != AttemptStatus.SUBMITTING:
        return
    failure = Failure(
        ErrorCode.OUTCOME_UNKNOWN,
        f"{attempt.provider} may or may not have taken the request ({reason}); "
        "it is not sent again by itself, since that could pay twice",
    )
    log.warning("outcome_unknown", job_id=str(job.id), attempt=attempt.number, provider=attempt.provider)
    reconcile.begin(runtime, session, job, attempt, failure)


def _first_phase(answer: Accepted) -> Phase | None:
    if answer.queue_position is None:
        return None
    return Phase.COLD_START if answer.queue_position == 0 else Phase.PROVIDER_QUEUE
