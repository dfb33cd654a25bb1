"""Inbound webhooks: a hint to look at once, never the verdict; a request that they tell of is never lost."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.lanes import Lane, Learned
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Accepted, HookRefused, HookUnverifiable, HookVerifier, LookFailed
from services import lanes, late, outcomes
from services.refusals import NotFound, Refused, Unavailable
from services.runtime import Runtime
from storage import agenda, jobs, unknowns
from storage.database import Session
from storage.entrance import Entrance
from storage.records import AttemptRecord, JobRecord
from storage.steps.hearing import Heard

_UNDECIDED: Final = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN})
_LOOKED_AT: Final = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})
_LEARNED_EVERY: Final = timedelta(minutes=1)
# A larger body, which is rare, holds up no others while it is hashed and read.
_MOST_BYTES: Final = 64 * 1024

log = structlog.get_logger(__name__)


class Rejected(Refused):
    """The webhook's signature or shape is wrong."""

    code = "webhook_refused"


class Listener:
    """Hears what providers tell. One for a process: what is told at once is written down in one commit.

    What is not the usual word of a running attempt is looked into one by one, in a thread.
    """

    def __init__(self, runtime: Runtime, entrance: Entrance) -> None:
        self._runtime = runtime
        self._entrance = entrance
        self._learned_at: dict[Lane, datetime] = {}

    async def receive(self, *, provider: str, token: str, headers: Mapping[str, str], body: bytes) -> None:
        """Take a provider's webhook for the attempt that ``token`` names.

        Raises:
            NotFound: no such attempt, or the provider sends no webhooks.
            Rejected: it is not the provider who signed it.
            Unavailable: the provider's keys cannot be read just now.
            DatabaseUnavailable: the database does not answer.
        """
        verifier = self._runtime.hooks.get(provider)
        if verifier is None:
            raise NotFound(f"{provider} sends no webhooks here")
        request_id = await _request_id(verifier, headers, body)
        heard = Heard(provider, token, request_id, self._runtime.clock())
        endpoint = await self._entrance.hear(heard)
        if endpoint is None:
            await asyncio.to_thread(self._look_into, heard)
        elif self._is_news(lane := Lane(provider, endpoint)):
            await asyncio.to_thread(self._learn, lane)

    def _look_into(self, heard: Heard) -> None:
        with self._runtime.database.work() as session:
            attempt = jobs.attempt_by_token(session, heard.token)
        if attempt is None or attempt.provider != heard.provider:
            raise NotFound("this webhook belongs to no attempt of ours")
        given_up = _take(self._runtime, attempt.id, heard.request_id)
        if self._is_news(lane := Lane(attempt.provider, attempt.endpoint)):
            self._learn(lane)
        if given_up:
            _settle(self._runtime, attempt.id)

    def _is_news(self, lane: Lane) -> bool:
        """Whether to write down that webhooks come from there: one a minute says as much as each."""
        now = self._runtime.clock()
        last = self._learned_at.get(lane)
        if last is not None and now - last < _LEARNED_EVERY:
            return False
        self._learned_at[lane] = now
        return True

    def _learn(self, lane: Lane) -> None:
        lanes.learn(self._runtime, [Learned(lane, hooked=True)])


async def _request_id(verifier: HookVerifier, headers: Mapping[str, str], body: bytes) -> str:
    """The request that a genuine webhook is about."""
    try:
        hint = verifier.check(headers, body) if len(body) <= _MOST_BYTES else None
        if hint is None:
            hint = await asyncio.to_thread(verifier.verify, headers, body)
    except HookRefused as error:
        raise Rejected(str(error)) from error
    except HookUnverifiable as error:
        raise Unavailable(str(error)) from error
    return hint.request_id


def _take(runtime: Runtime, attempt_id: UUID, request_id: str) -> bool:
    """Take up what a webhook tells; True where it tells of an attempt that was given up."""
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        owner = unknowns.owner_of(session, attempt.provider, request_id)
        if owner is not None and owner.id != attempt_id:
            log.warning("webhook_names_anothers_request", attempt_id=str(attempt_id), request_id=request_id)
            return False
        return _hear(runtime, session, job, attempt, request_id)


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
