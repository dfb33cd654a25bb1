"""What a customer is told of a job: the event as it will be signed, and where it goes."""

import json
from typing import Final

from domain.lifecycle import JobStatus
from services.runtime import Runtime
from services.views import job_view, timestamp
from storage import callbacks, jobs
from storage.database import Session
from storage.records import JobRecord
from storage.records.columns import new_id

_TYPES: Final = {
    JobStatus.SUCCEEDED: "job.succeeded",
    JobStatus.FAILED: "job.failed",
    JobStatus.CANCELED: "job.canceled",
    JobStatus.REVIEW: "job.review",
}


def tell(runtime: Runtime, session: Session, job: JobRecord) -> None:
    """Write the event of a job's end with the move that caused it, and its delivery where one is asked."""
    at = runtime.clock()
    session.flush()
    view = job_view(job, jobs.attempts_of(session, [job.id]), jobs.assets_of(session, [job.id]), now=at)
    type_ = _TYPES[JobStatus(job.status)]
    body = json.dumps({"type": type_, "timestamp": timestamp(at), "data": view}, ensure_ascii=False)
    event_id = new_id()
    callbacks.add_event(
        session,
        event_id=event_id,
        project_id=job.project_id,
        job_id=job.id,
        type_=type_,
        body=body,
        at=at,
    )
    if job.callback_url is not None:
        callbacks.add_delivery(
            session, event_id=event_id, project_id=job.project_id, url=job.callback_url, at=at
        )
