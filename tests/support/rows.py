"""Rows with valid defaults: a test names only what matters to it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from domain.lifecycle import AttemptStatus, JobStatus
from services.runtime import Runtime
from storage import agenda, jobs
from storage.records import (
    AssetRecord,
    AttemptRecord,
    DeliveryRecord,
    DeliveryTryRecord,
    EventRecord,
    JobRecord,
)
from storage.records.columns import new_id

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_job(**fields: Any) -> JobRecord:  # noqa: ANN401 - columns
    """A job that was accepted at noon and waits."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "project_id": uuid4(),
        "kind": "video",
        "model": "kling-v3",
        "input": {"prompt": "a red kite"},
        "routing": {"provider": "auto"},
        "tags": {},
        "priority": "normal",
        "status": JobStatus.QUEUED,
        "plan": [],
        "provider": "linkmodel",
        "endpoint": "kling-v3",
        "created_at": NOON,
    }
    return JobRecord(**(defaults | fields))


def an_attempt(job: JobRecord, **fields: Any) -> AttemptRecord:  # noqa: ANN401 - columns
    """The job's first attempt, accepted and running."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "job_id": job.id,
        "number": 1,
        "token": uuid4().hex,
        "provider": "linkmodel",
        "endpoint": "kling-v3",
        "status": AttemptStatus.RUNNING,
        "arguments": {},
        "provider_request_id": "request-1",
        "phases": {},
        "submitted_at": NOON,
    }
    return AttemptRecord(**(defaults | fields))


def an_asset(attempt: AttemptRecord, **fields: Any) -> AssetRecord:  # noqa: ANN401 - columns
    """The first file of an attempt."""
    defaults: dict[str, Any] = {
        "job_id": attempt.job_id,
        "n": 0,
        "attempt_id": attempt.id,
        "key": f"project/2026/11/22/{attempt.job_id}/0.mp4",
        "content_type": "video/mp4",
        "bytes": 1024,
        "sha256": "0" * 64,
        "created_at": NOON,
    }
    return AssetRecord(**(defaults | fields))


def keep(runtime: Runtime, *rows: Any) -> None:  # noqa: ANN401 - any record
    """Write rows down, those that others point at first."""
    with runtime.database.work() as session:
        for row in rows:
            session.add(row)
            session.flush()


def end_job(runtime: Runtime, job_id: UUID, status: JobStatus = JobStatus.CANCELED) -> None:
    """Move a queued job to an end, and announce it."""
    with runtime.database.work() as session:
        job = jobs.lock_job(session, job_id)
        assert job is not None
        jobs.move_job(session, job, status, ended_at=runtime.clock())
        agenda.announce_end(session, job_id)


def a_delivery(job: JobRecord, **fields: Any) -> tuple[EventRecord, DeliveryRecord, DeliveryTryRecord]:  # noqa: ANN401
    """The end of a job, on its way to a receiver that refused it once; ``fields`` are the delivery's."""
    event = EventRecord(
        project_id=job.project_id, job_id=job.id, type="job.succeeded", body="{}", created_at=NOON
    )
    defaults: dict[str, Any] = {
        "event_id": event.id,
        "project_id": job.project_id,
        "url": "https://example.com/hook",
        "status": "pending",
        "tries": 1,
        "next_at": NOON,
        "created_at": NOON,
    }
    delivery = DeliveryRecord(**(defaults | fields))
    refused = DeliveryTryRecord(
        delivery_id=delivery.id, number=1, at=NOON, status_code=500, milliseconds=12, answer="down"
    )
    return event, delivery, refused
