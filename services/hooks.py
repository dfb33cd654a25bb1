"""Inbound webhooks: a hint to look at once, never the verdict; one that we waited for adopts its request."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog

from domain.lifecycle import AttemptStatus
from providers.base import Accepted, HookRefused, HookUnverifiable
from services import outcomes
from services.refusals import NotFound, Refused, Unavailable
from services.runtime import Runtime
from storage import agenda, jobs

_UNDECIDED: Final = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN})
_LOOKED_AT: Final = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})

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
    with runtime.database.work() as session:
        attempt = jobs.attempt_by_token(session, token)
        if attempt is None or attempt.provider != provider:
            raise NotFound("this webhook belongs to no attempt of ours")
        attempt_id = attempt.id
    _take(runtime, attempt_id, request_id)


def _take(runtime: Runtime, attempt_id: UUID, request_id: str) -> None:
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        undecided = attempt.status in _UNDECIDED
        if undecided and attempt.provider_request_id is None:
            log.info("attempt_adopted", attempt_id=str(attempt_id), provider_request_id=request_id)
            answer = Accepted(request_id, sandbox=job.sandbox)
            outcomes.adopt(runtime, session, job, attempt, answer)
        # A late word on an attempt that is over must not take the job from whoever works on it now.
        if attempt.provider_request_id == request_id and attempt.status in _LOOKED_AT:
            agenda.look_now(session, job.id, runtime.clock())
