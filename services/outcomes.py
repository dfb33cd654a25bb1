"""What came of a submit, committed at once: accepted, provably refused, or unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.costs import NOT_BILLED
from domain.failures import MARKER_REFUSED, ErrorCode, Failure
from domain.lanes import Lane
from domain.lifecycle import AttemptStatus, JobStatus, Kind, MoveRefused
from domain.retry import after_refusal
from domain.timeline import Phase
from providers.base import Accepted, NotAccepted
from services import ending, lanes, parking
from services.runtime import Runtime
from storage import jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord
from storage.steps import accepting, submitting

_OPEN: Final = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN})
_UNDECIDED: Final = frozenset({JobStatus.SUBMITTING, JobStatus.REVIEW})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """An attempt that a provider has taken, and what it answered."""

    attempt_id: UUID
    lane: Lane
    kind: Kind
    answer: Accepted


def accepted(runtime: Runtime, taken: Sequence[Taken]) -> None:
    """Keep the providers' ids: from here on each request is found again after any crash."""
    for one in taken:
        log.info(
            "attempt_accepted",
            attempt_id=str(one.attempt_id),
            provider_request_id=one.answer.request_id,
        )
    moved = runtime.database.insist(lambda session: _run(runtime, session, taken))
    for one in taken:
        if one.attempt_id not in moved:
            _accepted_late(runtime, one)


def refused(runtime: Runtime, attempt_id: UUID, refusal: NotAccepted) -> None:
    """Book a try that was provably not taken, and decide what follows."""
    runtime.database.insist(lambda session: _refused(runtime, session, attempt_id, refusal))


def unknown(runtime: Runtime, attempt_id: UUID, reason: str) -> None:
    """Park a job whose request may have been taken: it is not sent again by itself."""
    runtime.database.insist(lambda session: _unknown(runtime, session, attempt_id, reason))


def adopt(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, answer: Accepted
) -> None:
    """Take a request as this attempt's own, however it was learned of.

    Raises:
        MoveRefused: it is not the job's last attempt, or one of them has been decided otherwise.
    """
    session.flush()
    taken = Taken(attempt.id, Lane(attempt.provider, attempt.endpoint), Kind(job.kind), answer)
    if not _run(runtime, session, [taken]):
        raise MoveRefused(f"attempt {attempt.number} ({attempt.status}) of a job that is {job.status}")
    session.refresh(job)
    session.refresh(attempt)


def _run(runtime: Runtime, session: Session, taken: Sequence[Taken]) -> set[UUID]:
    now = runtime.clock()
    return accepting.accept(session, [_acceptance(runtime, one, now) for one in taken], now=now)


def _acceptance(runtime: Runtime, taken: Taken, now: datetime) -> accepting.Acceptance:
    answer = taken.answer
    first = lanes.next_look(runtime, taken.lane, taken.kind, age=0.0, generating=False)
    # What was taken a while ago may be far by now.
    soon = first is None or answer.accepted_at is not None
    return accepting.Acceptance(
        attempt_id=taken.attempt_id,
        request_id=answer.request_id,
        status_url=answer.status_url,
        response_url=answer.response_url,
        cancel_url=answer.cancel_url,
        price_nano=answer.price_nano,
        queue_position=answer.queue_position,
        sandbox=answer.sandbox,
        phase=_first_phase(answer),
        accepted_at=answer.accepted_at or now,
        look_at=now if soon else now + timedelta(seconds=first or 0.0),
    )


def _accepted_late(runtime: Runtime, taken: Taken) -> None:
    runtime.database.insist(lambda session: _late(runtime, session, taken))


def _late(runtime: Runtime, session: Session, taken: Taken) -> None:
    """An answer that found its attempt elsewhere than on its way out."""
    job, attempt = jobs.lock_attempt(session, taken.attempt_id)
    answer = taken.answer
    if attempt.provider_request_id == answer.request_id:
        _complete(attempt, answer)
    elif attempt.status in _OPEN and job.status in _UNDECIDED and attempt.number == job.attempts:
        adopt(runtime, session, job, attempt, answer)
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
    if failure.provider_code == MARKER_REFUSED:
        submitting.refuse_marker(session, provider=attempt.provider, endpoint=attempt.endpoint)
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
    parking.begin(runtime, session, job, attempt, failure)


def _first_phase(answer: Accepted) -> Phase | None:
    if answer.queue_position is None:
        return None
    return Phase.COLD_START if answer.queue_position == 0 else Phase.PROVIDER_QUEUE
