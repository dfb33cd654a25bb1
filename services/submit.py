"""Submitting jobs: the intent is committed, exactly one POST goes out, and what came of it is committed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from domain.failures import ErrorCode, Failure
from domain.generation import GenerationInput, Routing
from domain.lifecycle import AttemptStatus, JobStatus, Kind
from domain.offers import Offer
from domain.pricing import expected_cost, quote
from domain.retry import after_refusal
from providers.base import LookFailed, NotAccepted, OutcomeUnknown, Submission, UnitPrice, Unsupported
from services import ending, outcomes
from services.lease import LEASE, kept
from services.planning import offer_of
from services.runtime import Runtime
from storage import agenda, jobs, ledger
from storage.database import Session
from storage.records import AttemptRecord, JobRecord
from storage.records.columns import new_id

# A request that never starts would hold its money for ever: where the customer sets no limit, this one.
DEFAULT_START_TIMEOUT: Final = 3600

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Begun:
    job_id: UUID
    attempt_id: UUID
    provider: str
    submission: Submission


def submit(runtime: Runtime, job_ids: Sequence[UUID], *, owner: str) -> None:
    """Carry queued jobs to their providers; does nothing for a job that is no longer queued.

    Safe to run twice: only one caller can move a job out of ``queued``, and only that one sends.
    """
    for job_id in job_ids:
        _submit(runtime, job_id, owner)


def _submit(runtime: Runtime, job_id: UUID, owner: str) -> None:
    begun = _begin(runtime, job_id, owner)
    if begun is None:
        return
    with kept(runtime, [job_id], owner):
        try:
            accepted = runtime.providers[begun.provider].submit(begun.submission)
        except NotAccepted as refusal:
            outcomes.refused(runtime, begun.attempt_id, refusal)
        except OutcomeUnknown as unknown:
            outcomes.unknown(runtime, begun.attempt_id, str(unknown))
        else:
            outcomes.accepted(runtime, begun.attempt_id, accepted)


def _begin(runtime: Runtime, job_id: UUID, owner: str) -> _Begun | None:
    with runtime.database.work() as session:
        job = jobs.job(session, job_id)
    if job is None or job.status != JobStatus.QUEUED:
        return None
    offer = offer_of(runtime, model=job.model, kind=Kind(job.kind), entry=job.plan[job.plan_at])
    price = _unit_price(runtime, offer)
    with runtime.database.work() as session:
        locked = jobs.lock_job(session, job_id)
        if locked is None or locked.status != JobStatus.QUEUED or locked.plan_at != job.plan_at:
            return None
        if not agenda.take(session, job_id, owner=owner, now=runtime.clock(), lease=LEASE):
            return None
        if offer.provider not in runtime.providers:
            _pass_over(runtime, session, locked, offer)
            return None
        try:
            attempt = _attempt(runtime, locked, offer, price)
        except Unsupported as error:
            failure = Failure(ErrorCode.INVALID_INPUT, f"{offer.provider} {offer.endpoint}: {error}")
            ending.end(runtime, session, locked, JobStatus.FAILED, failure)
            return None
        session.add(attempt)
        jobs.move_job(session, locked, JobStatus.SUBMITTING, attempts=attempt.number)
        agenda.hold(session, locked, owner=owner, until=attempt.submitted_at + LEASE)
        if price is not None:
            ledger.remember_price(
                session,
                provider=offer.provider,
                endpoint=offer.endpoint,
                usd=price.usd,
                unit=price.unit,
                at=attempt.submitted_at,
            )
    return _Begun(job_id, attempt.id, offer.provider, _submission(runtime, job, attempt))


def _pass_over(runtime: Runtime, session: Session, job: JobRecord, offer: Offer) -> None:
    """The provider was set up when the job was accepted and is not any more: the next offer, or the end."""
    failure = Failure(
        ErrorCode.PROVIDER_AUTH,
        f"{offer.provider} is not set up here any more: set its key again, then retry the job",
        elsewhere=True,
    )
    ending.mark_exhausted(job, job.plan_at)
    again = after_refusal(failure, ending.tried(runtime, session, job), retry_after=None)
    if again is None:
        ending.end(runtime, session, job, JobStatus.FAILED, failure)
        return
    entry = job.plan[again.position]
    job.plan_at, job.provider, job.endpoint = again.position, entry["provider"], entry["endpoint"]
    agenda.schedule(session, job, runtime.clock())
    agenda.wake(session)


def _attempt(runtime: Runtime, job: JobRecord, offer: Offer, price: UnitPrice | None) -> AttemptRecord:
    given = GenerationInput.model_validate(job.input)
    quoted = quote(offer, given, unit_price=price.usd if price else None)
    expected = expected_cost(quoted) if quoted.exact else None
    return AttemptRecord(
        id=new_id(),
        job_id=job.id,
        number=job.attempts + 1,
        token=secrets.token_urlsafe(24),
        provider=offer.provider,
        endpoint=offer.endpoint,
        status=AttemptStatus.SUBMITTING,
        start_timeout=job.routing.get("start_timeout") or DEFAULT_START_TIMEOUT,
        arguments=runtime.providers[offer.provider].arguments(offer, given),
        unit=price.unit if price else None,
        unit_price=price.usd if price else None,
        expected_nano=expected.nano if expected else None,
        phases={},
        submitted_at=runtime.clock(),
    )


def _submission(runtime: Runtime, job: JobRecord, attempt: AttemptRecord) -> Submission:
    routing = Routing.model_validate(job.routing)
    public = runtime.settings.public_url
    return Submission(
        token=attempt.token,
        kind=Kind(job.kind),
        endpoint=attempt.endpoint,
        arguments=attempt.arguments,
        priority="low" if job.priority == "low" else "normal",
        start_timeout=attempt.start_timeout,
        hint=routing.hint,
        zero_retention=routing.zero_retention,
        object_lifetime=routing.object_lifetime,
        webhook_url=f"{public}/hooks/{attempt.provider}/{attempt.token}" if public else None,
    )


def _unit_price(runtime: Runtime, offer: Offer) -> UnitPrice | None:
    """The price of a unit as the provider names it now, else as it named it last, else the catalogue's."""
    provider = runtime.providers.get(offer.provider)
    if provider is None:
        return None
    try:
        return provider.unit_price(offer.endpoint)
    except LookFailed as error:
        log.warning("price_not_read", provider=offer.provider, endpoint=offer.endpoint, reason=str(error))
    with runtime.database.work() as session:
        known = ledger.known_price(session, offer.provider, offer.endpoint)
    if known is not None:
        return UnitPrice(known.usd, known.unit)
    if offer.price is not None and not offer.price.tiers and offer.price.high_usd is None:
        return UnitPrice(offer.price.usd, offer.price.unit.value)
    return None
