"""Inbound webhooks: a hint to look at once, never the verdict; a request that they tell of is never lost."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.lanes import Lane, Learned
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Accepted, HookRefused, HookUnverifiable, LookFailed
from services import lanes, late, outcomes
from services.refusals import NotFound, Refused, Unavailable
from services.runtime import Runtime
from storage import agenda, jobs, unknowns
from storage.database import Session
from storage.records import AttemptRecord, JobRecord
from storage.steps import hearing

_UNDECIDED: Final = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN})
_LOOKED_AT: Final = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})
_TOLD_EVERY: Final = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class Rejected(Refused):
    """The webhook's signature or shape is wrong."""

    code = "webhook_refused"


def receive(runtime: Runtime, *, provider: str, token: str, headers: Mapping[str, str], body: bytes) -> None:
    """Take a provider's webhook for the attempt that ``token`` names.

    Raises:
        NotFound: no such attempt, or the provider sends no webhooks.
        Rejected: it is not the provider who signed it.
        Unavailable: the provider's keys cannot be read just now.
    """
    verifier = runtime.hooks.get(provider)
    if verifier is None:
        raise NotFound(f"{provider} sends no webhooks here")
    try:
        request_id = verifier.verify(headers, body).request_id
    except HookRefused as error:
        raise Rejected(str(error)) from error
    except HookUnverifiable as error:
        raise Unavailable(str(error)) from error
    now = runtime.clock()
    with runtime.database.work() as session:
        endpoint = hearing.hear(session, provider=provider, token=token, request_id=request_id, now=now)
        attempt = None if endpoint is not None else jobs.attempt_by_token(session, token)
    if endpoint is not None:
        _learn(runtime, Lane(provider, endpoint))
    elif attempt is not None and attempt.provider == provider:
        _take(runtime, attempt.id, request_id)
    else:
        raise NotFound("this webhook belongs to no attempt of ours")


def _take(runtime: Runtime, attempt_id: UUID, request_id: str) -> None:
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        lane = Lane(attempt.provider, attempt.endpoint)
        owner = unknowns.owner_of(session, attempt.provider, request_id)
        if owner is not None and owner.id != attempt_id:
            log.warning("webhook_names_anothers_request", attempt_id=str(attempt_id), request_id=request_id)
            return
        given_up = _hear(runtime, session, job, attempt, request_id)
    _learn(runtime, lane)
    if given_up:
        _settle(runtime, attempt_id)


def _learn(runtime: Runtime, lane: Lane) -> None:
    """Remember that webhooks come from there; one a minute says as much as each."""
    last = runtime.lanes.facts(lane).hook_at
    if last is None or runtime.clock() - last >= _TOLD_EVERY:
        lanes.learn(runtime, [Learned(lane, hooked=True)])


def _hear(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, request_id: str
) -> bool:
    """Go on with what the webhook tells; True where it tells of an attempt that was given up."""
    if attempt.provider_request_id is None:
        if attempt.status not in _UNDECIDED and not _back(runtime, session, job, attempt, request_id):
            return late.is_given_up(attempt)
        log.info("attempt_adopted", attempt_id=str(attempt.id), provider_request_id=request_id)
        outcomes.adopt(runtime, session, job, attempt, Accepted(request_id, sandbox=job.sandbox))
    # A late word on an attempt that is over must not take the job from whoever works on it now.
    if attempt.provider_request_id != request_id:
        return False
    if attempt.status in _LOOKED_AT:
        agenda.look_now(session, job.id, runtime.clock())
    return late.is_given_up(attempt)


def _back(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, request_id: str
) -> bool:
    """Note that an attempt was taken that was held not to be; True where the job can go on with it.

    It can as long as nothing else was sent for it: then nothing is paid for twice.
    """
    at = runtime.clock()
    data = {"provider_request_id": request_id}
    jobs.note(session, job.id, "accepted_late", at, attempt=attempt.number, data=data)
    waits = job.status == JobStatus.QUEUED and attempt.number == job.attempts
    if not (waits and late.is_given_up(attempt)):
        attempt.provider_request_id = request_id
        return False
    offers = [(entry["provider"], entry["endpoint"]) for entry in job.plan]
    here = (attempt.provider, attempt.endpoint)
    job.plan_at = offers.index(here) if here in offers else job.plan_at
    job.provider, job.endpoint = here
    unbooked = {"cost_nano": None, "cost_basis": None, "cost_final": False, "ended_at": None}
    jobs.move_attempt(session, attempt, AttemptStatus.UNKNOWN, **unbooked)
    jobs.move_job(session, job, JobStatus.SUBMITTING)
    return True


def _settle(runtime: Runtime, attempt_id: UUID) -> None:
    """Book what was given up; should its verdict not be there yet, the provider is to tell us again."""
    try:
        late.settle(runtime, attempt_id)
    except LookFailed as error:
        raise Unavailable(f"the verdict cannot be read just now: {error}; send this again") from error
