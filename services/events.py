"""What a customer is told of a job: the event as it will be signed, and where it goes."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.lifecycle import JobStatus
from services.runtime import Runtime
from services.views import job_view, timestamp
from storage import callbacks, jobs
from storage.database import Session
from storage.records import AssetRecord, AttemptRecord, EventRecord, JobRecord
from storage.records.columns import new_id

TYPES: Final = {
    JobStatus.SUCCEEDED: "job.succeeded",
    JobStatus.FAILED: "job.failed",
    JobStatus.CANCELED: "job.canceled",
    JobStatus.REVIEW: "job.review",
}


def body_of(
    job: JobRecord, attempts: Sequence[AttemptRecord], assets: Sequence[AssetRecord], *, at: datetime
) -> str:
    """The event of a job's end as it is signed: its type, its time, and the job as the API shows it."""
    view = job_view(job, attempts, assets, now=at)
    event = {"type": TYPES[JobStatus(job.status)], "timestamp": timestamp(at), "data": view}
    return json.dumps(event, ensure_ascii=False)


def tell(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """Write the event of a job's end with the move that caused it, and its delivery where one is asked."""
    at = runtime.clock()
    session.flush()
    event_id = new_id()
    attempts, assets = jobs.attempts_of(session, [job.id]), jobs.assets_of(session, [job.id])
    event = EventRecord(
        id=event_id,
        project_id=job.project_id,
        job_id=job.id,
        type=TYPES[JobStatus(job.status)],
        body=body_of(job, attempts, assets, at=at),
        created_at=at,
    )
    session.add(event)
    if job.callback_url is not None:
        callbacks.add_delivery(
            session, event_id=event_id, project_id=job.project_id, url=job.callback_url, at=at
        )
