"""What is to be sent, decided and committed before anything goes out: the intents of a batch of jobs."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from domain.failures import ErrorCode, Failure
from domain.generation import GenerationInput, Routing
from domain.lanes import Lane
from domain.lifecycle import JobStatus, Kind
from domain.offers import Offer
from domain.pricing import expected_cost, quote
from domain.retry import after_refusal
from providers.base import Provider, Submission, UnitPrice, Unsupported
from services import deadlines, ending, lanes
from services.ceilings import TooDear, check_ceiling
from services.isolation import FAULTS_OF_ONE, unspoiled
from services.lease import LEASE
from services.planning import offer_of
from services.runtime import Runtime
from services.unit_prices import Priced, unit_prices
from storage import agenda, jobs
from storage.database import Session
from storage.records import JobRecord
from storage.records.columns import new_id
from storage.steps import submitting
from storage.steps.submitting import Intent, Waiting

# A request that never starts would hold its money for ever: where the customer sets no limit, this one.
DEFAULT_START_TIMEOUT: Final = 3600
# So long does a provider keep files that it is not to retain: time to fetch them, and again after a fault.
UNRETAINED_SECONDS: Final = 3600

_Step = Callable[[Runtime, Session, JobRecord], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that is committed and may go out now, once."""

    job_id: UUID
    attempt_id: UUID
    lane: Lane
    provider: Provider
    submission: Submission


@dataclass(frozen=True, slots=True)
class _Turn:
    """A job whose turn it is, and the offer that it goes to."""

    job: Waiting
    offer: Offer

    @property
    def lane(self) -> Lane:
        return Lane(self.offer.provider, self.offer.endpoint)

    def priced(self) -> Priced:
        """Its offer with the price that is known of it."""
        usd, unit = self.job.known_usd, self.job.known_unit
        known = None if usd is None or unit is None else UnitPrice(usd, unit)
        return Priced(self.offer, known, self.job.known_at)


def begin(
    runtime: Runtime,
    job_ids: Sequence[UUID],
    *,
    owner: str,
    committing: Callable[[], object] | None = None,
) -> list[Begun]:
    """Commit an attempt for each of the jobs that is queued, free and may be sent now.

    ``committing`` is told when all is ready to be committed; it may make that wait.

    What cannot be sent is decided on: too late, no such provider here any more, an input that the offer no
    longer takes. A job whose lane is held goes back to wait, as if nothing had happened.
    """
    with runtime.database.work() as session:
        waiting = submitting.waiting(session, job_ids, owner=owner, now=runtime.clock())
    turns = [_Turn(job, _offer(runtime, job)) for job in waiting]
    turns = _not_held(runtime, _sendable(runtime, turns, owner), owner)
    prices = unit_prices(runtime, [turn.priced() for turn in turns])
    ready = [one for turn in turns if (one := _made(runtime, turn, prices[turn.lane], owner)) is not None]
    if committing is not None:
        committing()
    begun = _committed(runtime, [intent for intent, _ in ready], owner)
    return [one for intent, one in ready if intent.job_id in begun]


def _offer(runtime: Runtime, job: Waiting) -> Offer:
    return offer_of(runtime, model=job.model, kind=Kind(job.kind), entry=job.entry)


def _sendable(runtime: Runtime, turns: Sequence[_Turn], owner: str) -> list[_Turn]:
    """Those that may be sent at all; the others are ended, or passed on to their next offer."""
    going = []
    for turn in turns:
        if turn.job.unwanted or turn.job.late:
            _decide(runtime, turn.job, owner, _stop)
        elif turn.offer.provider not in runtime.providers:
            _decide(runtime, turn.job, owner, partial(_pass_over, failure=_gone(turn.offer.provider)))
        else:
            going.append(turn)
    return going


def _not_held(runtime: Runtime, turns: Sequence[_Turn], owner: str) -> list[_Turn]:
    """Those whose lanes are open; the others wait until theirs are, without an attempt."""
    if not turns:
        return []
    until = lanes.held(runtime, sorted({turn.lane for turn in turns}))
    waits = [(turn.job.job_id, until[turn.lane]) for turn in turns if turn.lane in until]
    if waits:
        with runtime.database.work() as session:
            submitting.put_back(session, waits, owner=owner, now=runtime.clock())
    return [turn for turn in turns if turn.lane not in until]


def _made(runtime: Runtime, turn: _Turn, price: UnitPrice | None, owner: str) -> tuple[Intent, Begun] | None:
    """The attempt and what goes out for it; None for a job that its offer cannot honour any more."""
    try:
        intent = _intent(runtime, turn, price)
        submission = _submission(runtime, turn.job, intent)
    except TooDear as error:
        _decide(runtime, turn.job, owner, partial(_pass_over, failure=error.failure))
        return None
    except Unsupported as error:
        failure = Failure(ErrorCode.INVALID_INPUT, f"{turn.offer.provider} {turn.offer.endpoint}: {error}")
        _decide(runtime, turn.job, owner, partial(_fail, failure=failure))
        return None
    except FAULTS_OF_ONE as error:
        _left(turn.job.job_id, type(error).__name__)
        return None
    provider = runtime.providers[turn.offer.provider]
    return intent, Begun(turn.job.job_id, intent.id, turn.lane, provider, submission)


def _intent(runtime: Runtime, turn: _Turn, price: UnitPrice | None) -> Intent:
    job, offer = turn.job, turn.offer
    provider = runtime.providers[offer.provider]
    given = GenerationInput.model_validate(job.input)
    quoted = quote(offer, given, unit_price=price.usd if price else None)
    check_ceiling(job.routing, quoted)
    expected = expected_cost(quoted) if quoted.exact else None
    return Intent(
        id=new_id(),
        job_id=job.job_id,
        number=job.attempts + 1,
        plan_at=job.plan_at,
        token=secrets.token_urlsafe(24),
        provider=offer.provider,
        endpoint=offer.endpoint,
        start_timeout=job.routing.get("start_timeout") or DEFAULT_START_TIMEOUT,
        marked=provider.marker_field is not None and not job.marker_refused,
        arguments=provider.arguments(offer, given),
        unit=price.unit if price else None,
        unit_price=price.usd if price else None,
        expected_nano=expected.nano if expected else None,
    )


def _submission(runtime: Runtime, job: Waiting, intent: Intent) -> Submission:
    routing = Routing.model_validate(job.routing)
    public = runtime.settings.public_url
    return Submission(
        token=intent.token,
        kind=Kind(job.kind),
        endpoint=intent.endpoint,
        arguments=intent.arguments,
        priority="low" if job.priority == "low" else "normal",
        start_timeout=intent.start_timeout,
        hint=routing.hint,
        zero_retention=routing.zero_retention,
        object_lifetime=routing.object_lifetime or (UNRETAINED_SECONDS if routing.zero_retention else None),
        webhook_url=f"{public}/hooks/{intent.provider}/{intent.token}" if public else None,
        marker=str(intent.id) if intent.marked else None,
    )


def _committed(runtime: Runtime, intents: Sequence[Intent], owner: str) -> set[UUID]:
    """The jobs that are ours to send; one that the database cannot store does not hold up the others."""

    def commit(some: Sequence[Intent]) -> set[UUID]:
        now = runtime.clock()
        with runtime.database.work() as session:
            return submitting.begin(session, some, owner=owner, now=now, until=now + LEASE)

    begun = unspoiled(commit, intents, lambda one, fault: _left(one.job_id, fault)) if intents else []
    return set().union(*begun)


def _left(job_id: UUID, fault: str) -> None:
    """Something of its own is wrong with one job: it stays queued, and comes due again."""
    log.warning("job_not_sent", job_id=str(job_id), fault=fault)


def _decide(runtime: Runtime, job: Waiting, owner: str, step: _Step) -> None:
    """Take ``step`` with a job that is not sent, unless someone else has it or it has moved on."""
    try:
        with runtime.database.work() as session:
            locked = jobs.lock_job(session, job.job_id)
            if locked is None or locked.status != JobStatus.QUEUED or locked.plan_at != job.plan_at:
                return
            if agenda.take(session, job.job_id, owner=owner, now=runtime.clock(), lease=LEASE):
                step(runtime, session, locked)
    except FAULTS_OF_ONE as error:
        _left(job.job_id, type(error).__name__)


def _stop(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """It was canceled or its deadline has passed: nothing of it is on its way anywhere."""
    if job.cancel_requested_at is not None:
        ending.end(runtime, session, job, JobStatus.CANCELED, ending.CANCELED)
    else:
        deadlines.expire(runtime, session, job)


def _fail(runtime: Runtime, session: Session, job: JobRecord, *, failure: Failure) -> None:
    ending.end(runtime, session, job, JobStatus.FAILED, failure)


def _gone(provider: str) -> Failure:
    """The provider was set up when the job was accepted and is not any more."""
    return Failure(
        ErrorCode.PROVIDER_AUTH,
        f"{provider} is not set up here any more: set its key again, then retry the job",
        elsewhere=True,
    )


def _pass_over(runtime: Runtime, session: Session, job: JobRecord, *, failure: Failure) -> None:
    """It cannot run at the offer whose turn it is: the next offer, or the end."""
    ending.mark_exhausted(job, job.plan_at)
    again = after_refusal(failure, ending.tried(runtime, session, job), retry_after=None)
    if again is None:
        ending.end(runtime, session, job, JobStatus.FAILED, failure)
        return
    ending.aim(job, again.position)
    agenda.schedule(session, job, runtime.clock())
    agenda.wake(session)
