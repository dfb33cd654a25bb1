"""A person's decision about a job whose outcome is unknown: take the request up, send it again, or fail."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import structlog

from domain.budgets import BudgetExceeded
from domain.costs import NOT_BILLED, Basis
from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus
from domain.retry import Again
from providers.base import Accepted, Ended, Finished, Handle, LookFailed
from services import ending, late, outcomes, reading
from services.choices import most_of_new_try, open_question
from services.refusals import Conflict, Unavailable, Unprocessable
from services.runtime import Runtime
from services.sights import handle_of
from services.spending import hold_again, refused
from storage import access, agenda, jobs, ledger, unknowns
from storage.database import Session
from storage.records import AttemptRecord, JobRecord

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and by which key.

    ``request_id`` is the provider's, for ``adopt``; ``cost_nano`` is what the person knows the first request
    to have cost, None where that is not known.
    """

    project_id: UUID
    job_id: UUID
    key_id: UUID
    action: Literal["adopt", "resubmit", "fail"]
    request_id: str | None = None
    cost_nano: int | None = None


def resolve(runtime: Runtime, decision: Decision) -> dict[str, Any]:
    """Carry a decision out, and answer the job as it then stands.

    Raises:
        NotFound: the project has no such job.
        Conflict: nothing about the job is to be decided, or the provider has decided it meanwhile.
        Unprocessable: the request to take up is not there, or is another attempt's.
        OverBudget: a budget does not cover what another try may cost.
        Unavailable: the provider cannot be asked just now whether it has the request.
    """
    if decision.action == "adopt":
        _adopt(runtime, decision, decision.request_id or "")
    else:
        try:
            _give_up(runtime, decision)
        except BudgetExceeded as error:
            raise refused(runtime, error.exceeded) from None
    return reading.job(runtime, decision.project_id, decision.job_id)


def _adopt(runtime: Runtime, decision: Decision, request_id: str) -> None:
    with runtime.database.work() as session:
        job, attempt = open_question(session, decision.project_id, decision.job_id)
        _check_free(session, attempt, request_id)
        handle = replace(handle_of(job, attempt), request_id=request_id, accepted_at=runtime.clock())
    _check_there(runtime, attempt.provider, handle)
    with runtime.database.work() as session:
        job, attempt = open_question(session, decision.project_id, decision.job_id)
        _check_free(session, attempt, request_id)
        _note(runtime, session, attempt, decision)
        # When it was taken is not known: its provider's schedule of looks begins with this decision.
        outcomes.adopt(runtime, session, job, attempt, Accepted(request_id, sandbox=job.sandbox))
        agenda.look_now(session, job.id, runtime.clock())


def _check_free(session: Session, attempt: AttemptRecord, request_id: str) -> None:
    if attempt.provider_request_id is not None:
        raise Conflict(
            f"the attempt has its request already, {attempt.provider_request_id}: there is none to take up",
            code="already_known",
        )
    owner = unknowns.owner_of(session, attempt.provider, request_id)
    if owner is not None:
        raise Unprocessable(
            f"provider_request_id: {request_id} belongs to another attempt already: name the one of this job",
            field="provider_request_id",
        )


def _check_there(runtime: Runtime, provider: str, handle: Handle) -> None:
    """Raises Unprocessable where the provider says that it has no such request."""
    if provider not in runtime.providers:
        raise Unavailable(f"{provider} is not set up here any more: set its key again")
    try:
        late.look(runtime.providers[provider], handle)
    except LookFailed as error:
        if error.missing:
            raise Unprocessable(
                f"provider_request_id: {provider} has no request {handle.request_id}: name it as {provider} "
                "shows it",
                field="provider_request_id",
            ) from error
        raise Unavailable(f"{provider} cannot be asked about the request just now: {error}") from error


def _give_up(runtime: Runtime, decision: Decision) -> None:
    with runtime.database.work() as session:
        job, attempt = open_question(session, decision.project_id, decision.job_id)
        handle = handle_of(job, attempt) if attempt.provider_request_id is not None else None
    if handle is not None and _has_verdict(runtime, attempt.provider, handle):
        with runtime.database.work() as session:
            job, attempt = open_question(session, decision.project_id, decision.job_id)
            agenda.schedule(session, job, runtime.clock())
            agenda.wake(session)
        raise Conflict(
            f"{attempt.provider} has its verdict by now, and it is being taken down: look at the job again",
            code="not_resolvable",
            status=job.status,
        )
    with runtime.database.work() as session:
        job, attempt = open_question(session, decision.project_id, decision.job_id)
        _note(runtime, session, attempt, decision)
        failure = _close(runtime, session, job, attempt, decision)
        if decision.action == "fail":
            ending.end(runtime, session, job, JobStatus.FAILED, failure)
        else:
            _send_again(runtime, session, job, failure, known=decision.cost_nano is not None)


def _has_verdict(runtime: Runtime, provider: str, handle: Handle) -> bool:
    """Whether the provider has decided what a person is about to give up."""
    if provider not in runtime.providers:
        return False
    try:
        return isinstance(late.look(runtime.providers[provider], handle), Finished | Ended)
    except LookFailed:
        return False


def _close(
    runtime: Runtime, session: Session, job: JobRecord, attempt: AttemptRecord, decision: Decision
) -> Failure:
    """Give the attempt up; what it cost stays unknown unless the person knows it."""
    at, known = runtime.clock(), decision.cost_nano
    failure = Failure(
        ErrorCode.OUTCOME_UNKNOWN,
        f"{attempt.provider} may or may not have taken the request; a person gave it up",
    )
    session.flush()
    jobs.move_attempt(session, attempt, AttemptStatus.FAILED, error=failure.as_json(), ended_at=at)
    if known is not None:
        attempt.cost_nano, attempt.cost_final = known, True
        attempt.cost_basis = NOT_BILLED.basis if known == 0 else Basis.STATED
        ledger.settle(session, job, attempt, at)
    session.flush()
    return failure


def _send_again(runtime: Runtime, session: Session, job: JobRecord, failure: Failure, *, known: bool) -> None:
    """Queue the job for another try; while the first may be billed too, both are held."""
    at = runtime.clock()
    if not known:
        hold_again(session, job, most_of_new_try(job), runtime=runtime)
    seconds = job.routing.get("deadline")
    job.deadline_at = None if seconds is None else at + timedelta(seconds=seconds)
    job.cancel_requested_at = None
    ending.requeue(runtime, session, job, failure, Again(job.plan_at, 0.0))


def _note(runtime: Runtime, session: Session, attempt: AttemptRecord, decision: Decision) -> None:
    key = access.key_of_project(session, decision.project_id, decision.key_id)
    told: dict[str, Any] = {"action": decision.action, "by": None if key is None else key.prefix}
    if decision.request_id is not None:
        told["provider_request_id"] = decision.request_id
    if decision.cost_nano is not None:
        told["cost_nano"] = decision.cost_nano
    log.info("job_resolved", job_id=str(decision.job_id), action=decision.action, by=told["by"])
    jobs.note(session, decision.job_id, "resolved", runtime.clock(), attempt=attempt.number, data=told)
