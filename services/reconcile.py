"""Attempts whose outcome is unknown: looked for in their provider's list, and sent again only on proof."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from domain.costs import NOT_BILLED
from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus, MoveRefused
from domain.reconciling import (
    GRACE_SEARCHES,
    LIST_LAG_SECONDS,
    Verdict,
    after_search,
    after_silence,
    next_search,
    proof_after,
)
from domain.retry import after_refusal
from providers.base import Accepted, LookFailed, Sighting
from providers.sightings import NotSeen, Wanted
from services import ending, outcomes
from services.parking import DECIDE, is_hooked, is_searchable, with_more
from services.runtime import Runtime
from storage import agenda, jobs, unknowns
from storage.database import DatabaseTrouble, DatabaseUnavailable, Session
from storage.records import AttemptRecord, JobRecord

# Longer than one look at a list may take.
_SEARCHING: Final = timedelta(seconds=120)
_NOT_SET_UP: Final = 60.0
_WITNESSES: Final = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Lost:
    """An attempt that is looked for."""

    job_id: UUID
    attempt_id: UUID
    wanted: Wanted


def settle(runtime: Runtime, job_ids: Sequence[UUID]) -> None:
    """Go on with due jobs whose last attempt has no request id: lost by their worker, or unknown.

    One pass over a provider's list serves all attempts at one endpoint; a fault with one holds up no other.
    """
    groups: dict[tuple[str, str], list[_Lost]] = defaultdict(list)
    for job, attempt in _undecided(runtime, job_ids):
        if attempt.status == AttemptStatus.SUBMITTING:
            _guarded(job.id, partial(_died, runtime, attempt.id))
        elif is_searchable(runtime, job, attempt):
            wanted = Wanted(str(attempt.id), attempt.submitted_at, attempt.arguments)
            groups[attempt.provider, attempt.endpoint].append(_Lost(job.id, attempt.id, wanted))
        else:
            _guarded(job.id, partial(_waited, runtime, attempt.id))
    for (provider, endpoint), group in groups.items():
        _search(runtime, provider, endpoint, group)


def _undecided(runtime: Runtime, job_ids: Sequence[UUID]) -> list[tuple[JobRecord, AttemptRecord]]:
    with runtime.database.work() as session:
        return unknowns.undecided(session, job_ids)


def _guarded(job_id: UUID, step: Callable[[], None]) -> None:
    """One job's step; what goes wrong with it is written down, and it comes due again."""
    try:
        step()
    except (DatabaseTrouble, DatabaseUnavailable, MoveRefused):
        log.exception("job_not_reconciled", job_id=str(job_id))


def _died(runtime: Runtime, attempt_id: UUID) -> None:
    outcomes.unknown(runtime, attempt_id, "the worker that was sending it died")


def _search(runtime: Runtime, provider: str, endpoint: str, group: Sequence[_Lost]) -> None:
    now = runtime.clock()
    with runtime.database.work() as session:
        unknowns.keep_away(session, [one.job_id for one in group], now + _SEARCHING)
    try:
        sightings = runtime.providers[provider].search(endpoint, [one.wanted for one in group], now)
    except LookFailed as error:
        log.info("list_not_read", provider=provider, endpoint=endpoint, reason=str(error))
        for one in group:
            _guarded(one.job_id, partial(_record, runtime, one, error))
        return
    doubts = {doubt for seen in sightings.values() if isinstance(seen, NotSeen) for doubt in seen.doubts}
    with runtime.database.work() as session:
        ours = unknowns.known(session, provider, doubts)
    for one in group:
        seen = _without(sightings, one.wanted.marker, ours)
        _guarded(one.job_id, partial(_record, runtime, one, seen))


def _without(sightings: Mapping[str, Sighting], marker: str, ours: frozenset[str]) -> Sighting:
    """What was seen of one attempt, less the doubts about requests that are known to be another's."""
    seen = sightings.get(marker, NotSeen(whole=False))
    return replace(seen, doubts=seen.doubts - ours) if isinstance(seen, NotSeen) else seen


def _record(runtime: Runtime, one: _Lost, seen: Sighting | LookFailed) -> None:
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, one.attempt_id)
        if not _is_open(job, attempt):
            return
        attempt.searches += 1
        if isinstance(seen, Accepted):
            _found(runtime, session, job, attempt, seen)
        elif isinstance(seen, NotSeen):
            _not_seen(runtime, session, job, attempt, seen)
        else:
            _silent(runtime, session, job, attempt, seen)


def _waited(runtime: Runtime, attempt_id: UUID) -> None:
    """Only a webhook can tell, and it has not come at once."""
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
        if not _is_open(job, attempt):
            return
        if attempt.provider not in runtime.providers:
            agenda.schedule(session, job, runtime.clock() + timedelta(seconds=_NOT_SET_UP))
            return
        _give_up(runtime, session, job, attempt, "it is in no list in which it could be found")


def _is_open(job: JobRecord, attempt: AttemptRecord) -> bool:
    """Whether the job still hangs on this attempt, and nothing more has been learned of it."""
    waits = job.status in {JobStatus.SUBMITTING, JobStatus.REVIEW} and attempt.number == job.attempts
    return waits and attempt.status == AttemptStatus.UNKNOWN and attempt.provider_request_id is None


def _found(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, request: Accepted
) -> None:
    if unknowns.owner_of(session, attempt.provider, request.request_id) is not None:
        _give_up(runtime, session, job, attempt, "the request that it names is another attempt's")
        return
    log.info("attempt_found", job_id=str(job.id), provider_request_id=request.request_id)
    data = {"provider_request_id": request.request_id, "searches": attempt.searches}
    jobs.note(session, job.id, "found", runtime.clock(), attempt=attempt.number, data=data)
    outcomes.adopt(runtime, session, job, attempt, request)


def _not_seen(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, seen: NotSeen
) -> None:
    age, proof = _age(runtime, attempt), _proof(runtime, attempt)
    blind = age >= proof and _is_blind(runtime, session, attempt, seen)
    verdict = after_search(age, proof, certain=seen.whole and not seen.doubts and not blind)
    if verdict is Verdict.ABSENT:
        _never_made(runtime, session, job, attempt)
    elif verdict is Verdict.AGAIN:
        _again(runtime, session, job, attempt, None)
    elif blind:
        reason = f"{attempt.provider}'s list of requests does not show what was certainly made"
        _give_up(runtime, session, job, attempt, reason)
    elif seen.whole:
        _give_up(runtime, session, job, attempt, f"{attempt.provider} lists requests that may be it")
    else:
        _give_up(runtime, session, job, attempt, f"{attempt.provider}'s list of requests is too long")


def _is_blind(runtime: Runtime, session: Session, attempt: AttemptRecord, seen: NotSeen) -> bool:
    """Whether the list lacks requests that are known to have run: then what it lacks proves nothing."""
    settled = runtime.clock() - timedelta(seconds=LIST_LAG_SECONDS)
    return not unknowns.witnesses(session, attempt, settled, most=_WITNESSES) <= seen.shown


def _silent(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, why: LookFailed
) -> None:
    age, proof = _age(runtime, attempt), _proof(runtime, attempt)
    # With a webhook on its way there is no haste to call for a person.
    hooked = attempt.searches < GRACE_SEARCHES and is_hooked(runtime, attempt)
    verdict = after_silence(age, proof, permanent=why.permanent and not hooked)
    if verdict is Verdict.AGAIN:
        _again(runtime, session, job, attempt, why.retry_after)
    else:
        _give_up(runtime, session, job, attempt, str(why))


def _again(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, asked: float | None
) -> None:
    at, age, proof = runtime.clock(), _age(runtime, attempt), _proof(runtime, attempt)
    if job.status == JobStatus.SUBMITTING and attempt.searches >= GRACE_SEARCHES:
        ending.end(runtime, session, job, JobStatus.REVIEW, with_more(_why(attempt), _until(attempt, proof)))
    pause = next_search(attempt.searches, age, proof, asked=asked)
    agenda.schedule(session, job, at + timedelta(seconds=pause))


def _give_up(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, reason: str) -> None:
    """Nothing more can be learned by looking: a webhook may still tell, or a person decides."""
    log.warning("search_ended", job_id=str(job.id), attempt=attempt.number, reason=reason)
    failure = with_more(_why(attempt), f"; {reason}{DECIDE}")
    if job.status == JobStatus.SUBMITTING:
        ending.end(runtime, session, job, JobStatus.REVIEW, failure)
    else:
        job.error = failure.as_json()
        agenda.unschedule(session, job.id)
    jobs.note(
        session, job.id, "search_ended", runtime.clock(), attempt=attempt.number, data={"reason": reason}
    )


def _never_made(runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord) -> None:
    """It is proven not to have been taken: booked as a refusal, and the job goes on like after one."""
    at = runtime.clock()
    failure = Failure(
        ErrorCode.PROVIDER_FAILED,
        f"{attempt.provider} never took the request: it is not on its list, and can no longer start",
        retryable=True,
    )
    log.info("attempt_never_made", job_id=str(job.id), attempt=attempt.number, searches=attempt.searches)
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
    data = {"searches": attempt.searches}
    jobs.note(session, job.id, "never_made", at, attempt=attempt.number, data=data)
    tried = ending.tried(runtime, session, job)
    # The time that the proof took does not count against another try.
    fresh = replace(tried, age=max(tried.age - _age(runtime, attempt), 0.0))
    ending.go_on(runtime, session, job, failure, after_refusal(failure, fresh, retry_after=None))


def _age(runtime: Runtime, attempt: AttemptRecord) -> float:
    return (runtime.clock() - attempt.submitted_at).total_seconds()


def _proof(runtime: Runtime, attempt: AttemptRecord) -> float:
    return proof_after(attempt.start_timeout, settle_seconds(runtime, attempt.provider))


def settle_seconds(runtime: Runtime, provider: str) -> float | None:
    """After how many seconds the operator takes a request that is not listed for one that was never made."""
    return runtime.catalogue.limits.of_provider(provider).settle_seconds


def _why(attempt: AttemptRecord) -> Failure:
    said = (attempt.error or {}).get("message", f"{attempt.provider} may or may not have taken the request")
    return Failure(ErrorCode.OUTCOME_UNKNOWN, said)


def _until(attempt: AttemptRecord, proof: float) -> str:
    looked_for = (
        f"; it is looked for in {attempt.provider}'s list of requests and taken up as soon as it shows"
    )
    if proof == math.inf:
        return looked_for
    certain = attempt.submitted_at + timedelta(seconds=proof)
    return f"{looked_for}, or sent again once it is certainly not there, from {certain:%Y-%m-%d %H:%M} UTC on"
