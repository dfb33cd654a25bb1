"""Accepting a job: one unit of work writes the job, its place on the agenda, its reserve and its answer."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.generation import JobRequest
from domain.lifecycle import JobStatus
from outbound.guard import BlockedAddress, check_url
from services.planning import Planned, plan_entry, plan_request, quoted_text
from services.refusals import Conflict, Unprocessable
from services.runtime import Runtime
from services.views import job_view
from storage import agenda, idempotency, jobs, ledger
from storage.database import Session
from storage.records import IdempotencyRecord, JobRecord

_IN_PROGRESS = "a request with this Idempotency-Key is being answered just now; ask again in a moment"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The answer to an accepted request; ``replayed`` when it was given before."""

    job_id: UUID
    view: dict[str, Any]
    replayed: bool = False


def accept(
    runtime: Runtime,
    *,
    project_id: UUID,
    request: JobRequest,
    idempotency_key: str | None,
    fingerprint: str,
) -> Acceptance:
    """Take a job in: after this returns it will run, whatever happens to Redis or to this process.

    Raises:
        Unprocessable: the request is wrong, or its key was used for another request.
        Conflict: a request with the same key is being answered just now.
    """
    if idempotency_key is not None:
        with runtime.database.work() as session:
            first = _first_answer(session, project_id, idempotency_key, fingerprint)
        if first is not None:
            return first
    _check_callback(runtime, request)
    planned = plan_request(runtime, request)
    with runtime.database.work() as session:
        if idempotency_key is not None:
            if not idempotency.hold(session, project_id, idempotency_key):
                raise Conflict(_IN_PROGRESS, code="idempotency_in_progress")
            first = _first_answer(session, project_id, idempotency_key, fingerprint)
            if first is not None:
                return first
        acceptance = _write(runtime, session, project_id, request, planned)
        if idempotency_key is not None:
            idempotency.keep(
                session,
                IdempotencyRecord(
                    project_id=project_id,
                    key=idempotency_key,
                    fingerprint=fingerprint,
                    job_id=acceptance.job_id,
                    answer=acceptance.view,
                    created_at=runtime.clock(),
                ),
            )
        agenda.wake(session)
    return acceptance


def _write(
    runtime: Runtime, session: Session, project_id: UUID, request: JobRequest, planned: Planned
) -> Acceptance:
    at = runtime.clock()
    first = planned.plan.choices[0]
    deadline = request.routing.deadline
    job = JobRecord(
        project_id=project_id,
        kind=planned.kind,
        model=request.model,
        input=_document(request.input),
        routing=_document(request.routing),
        tags=request.tags,
        priority=request.priority,
        callback_url=request.callback_url,
        status=JobStatus.QUEUED,
        plan=[plan_entry(choice) for choice in planned.plan.choices],
        provider=first.offer.provider,
        endpoint=first.offer.endpoint,
        quoted_nano=first.high_nano,
        reserved_nano=max((choice.high_nano or 0 for choice in planned.plan.choices), default=0),
        sandbox=runtime.available[first.offer.provider].sandbox,
        deadline_at=None if deadline is None else at + timedelta(seconds=deadline),
        created_at=at,
    )
    session.add(job)
    session.flush()
    jobs.note(session, job.id, "accepted", at, data={"provider": job.provider, "quoted": quoted_text(first)})
    jobs.note(session, job.id, "queued", at)
    if job.reserved_nano:
        ledger.reserve(session, job, job.reserved_nano, at)
    agenda.schedule(session, job, at)
    return Acceptance(job.id, job_view(job, [], [], now=at))


def _document(value: Any) -> dict[str, Any]:  # noqa: ANN401 - one of our pydantic models
    document: dict[str, Any] = json.loads(value.model_dump_json(exclude_none=True))
    return document


def _check_callback(runtime: Runtime, request: JobRequest) -> None:
    if request.callback_url is None:
        return
    try:
        check_url(request.callback_url, runtime.private_hosts)
    except BlockedAddress as error:
        raise Unprocessable(f"callback_url: {error}", field="callback_url") from error


def _first_answer(session: Session, project_id: UUID, key: str, fingerprint: str) -> Acceptance | None:
    record = idempotency.find(session, project_id, key)
    if record is None:
        return None
    if record.fingerprint != fingerprint:
        raise Unprocessable(
            "this Idempotency-Key was used for another request; use a new key for a new request",
            code="idempotency_mismatch",
        )
    return Acceptance(record.job_id, record.answer, replayed=True)
