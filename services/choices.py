"""What can be decided about a job whose outcome is unknown, and what each decision may cost."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.lifecycle import AttemptStatus, JobStatus
from domain.money import format_usd
from services.refusals import Conflict, NotFound
from services.runtime import Runtime
from services.views import money, timestamp
from storage import jobs
from storage.database import Session
from storage.records import AttemptRecord, JobRecord


def choices(runtime: Runtime, *, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """The choices that there are for a job now.

    Raises:
        NotFound: the project has no such job.
        Conflict: nothing about the job is to be decided.
    """
    with runtime.database.work() as session:
        job, attempt = open_question(session, project_id, job_id)
    error = job.error or attempt.error or {}
    return {
        "object": "resolution",
        "job_id": str(job.id),
        "status": str(job.status),
        "reason": error.get("message"),
        "attempt": {
            "number": attempt.number,
            "provider": attempt.provider,
            "endpoint": attempt.endpoint,
            "provider_request_id": attempt.provider_request_id,
            "submitted_at": timestamp(attempt.submitted_at),
        },
        "held": money(job.reserved_nano),
        "choices": [_adopt(job, attempt), _resubmit(job, attempt), _fail(job, attempt)],
    }


def open_question(session: Session, project_id: UUID, job_id: UUID) -> tuple[JobRecord, AttemptRecord]:
    """A job that waits for a decision, held until the unit of work ends, and the attempt that it hangs on.

    Raises:
        NotFound: the project has no such job.
        Conflict: nothing about the job is to be decided.
    """
    found = jobs.job_of_project(session, project_id, job_id)
    job = jobs.lock_job(session, job_id) if found is not None else None
    if job is None:
        raise NotFound(f"there is no job {job_id} in this project")
    attempt = jobs.last_attempt(session, job_id)
    waits = job.status in {JobStatus.REVIEW, JobStatus.SUBMITTING}
    if attempt is None or not waits or attempt.status != AttemptStatus.UNKNOWN:
        raise Conflict(
            f"there is nothing to decide: the job is {job.status}; only one whose outcome is unknown waits "
            "for a decision, as those in review do",
            code="not_resolvable",
            status=job.status,
        )
    return job, attempt


def most_of_new_try(job: JobRecord) -> int | None:
    """What another try of the job may cost at most, in nano-dollars; None where that is not known."""
    return _most(job.plan[job.plan_at : job.plan_at + 1] if not _falls_back(job) else job.plan)


def _most(plan: list[dict[str, Any]]) -> int | None:
    highs = [entry["high_nano"] for entry in plan]
    known = [high for high in highs if high is not None]
    return max(known) if known and len(known) == len(highs) else None


def _falls_back(job: JobRecord) -> bool:
    return bool(job.routing.get("fallback", True))


def _most_of_first(job: JobRecord, attempt: AttemptRecord) -> int | None:
    """What the attempt itself may cost at most, if it was taken."""
    if attempt.price_nano is not None:
        return attempt.price_nano
    here = (attempt.provider, attempt.endpoint)
    return _most([entry for entry in job.plan if (entry["provider"], entry["endpoint"]) == here])


def _adopt(job: JobRecord, attempt: AttemptRecord) -> Mapping[str, Any]:
    most = _most_of_first(job, attempt)
    known = attempt.provider_request_id
    words = (
        f"Take up a request that {attempt.provider} has: name its provider_request_id, as {attempt.provider} "
        f"shows it. The job goes on with it and costs what it would have cost anyway, {_amount(most)}. "
        "Nothing is sent."
    )
    if known is not None:
        words = f"The request is known already ({known}) and is still looked at; there is none to take up."
    return {"action": "adopt", "available": known is None, "may_cost_more": money(0), "words": words}


def _resubmit(job: JobRecord, attempt: AttemptRecord) -> Mapping[str, Any]:
    most = most_of_new_try(job)
    words = (
        f"Send the job again. If {attempt.provider} has taken the first request after all, both are billed: "
        f"{_amount(most)} for the new one, on top of {_amount(_most_of_first(job, attempt))} for the first. "
        "Both stay held until what they cost is known. If you know what the first one cost, say so with "
        '`cost_usd`: "0" when it was never made.'
    )
    return {"action": "resubmit", "available": True, "may_cost_more": money(most), "words": words}


def _fail(job: JobRecord, attempt: AttemptRecord) -> Mapping[str, Any]:
    words = (
        f"End the job as failed. Nothing is sent and nothing more is paid, but what {attempt.provider} took "
        f"stays billed, {_amount(_most_of_first(job, attempt))}: the cost stays null, and "
        f"{format_usd(job.reserved_nano)} USD stay held for it. If you know what it cost, say so with "
        '`cost_usd`, "0" when it was never made, and the rest is freed.'
    )
    return {"action": "fail", "available": True, "may_cost_more": money(0), "words": words}


def _amount(most: int | None) -> str:
    return "an amount that is not known" if most is None else f"up to {format_usd(most)} USD"
