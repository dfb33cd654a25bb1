"""Open jobs and batches that nobody runs, written down to be looked at, and their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.lifecycle import JobStatus
from services.runtime import Runtime
from storage import agenda, jobs
from storage.records import BatchRecord, JobRecord
from storage.records.columns import new_id

_STEPS: Final = ("accepted", "queued", "submitted")


@dataclass(frozen=True, slots=True)
class Watched:
    """Jobs to wait for, jobs to follow, and batches to follow; each batch has one of the followed jobs."""

    waits: Sequence[UUID]
    streams: Sequence[UUID]
    batches: Sequence[UUID]


def written(parts: Runtime, project_id: UUID, *, waits: int, streams: int, batches: int) -> Watched:
    """So many of each, the jobs three steps on their way."""
    at = parts.clock()
    made = [_batch(project_id, at) for _ in range(batches)]
    followed = [
        _job(
            project_id,
            at,
            batch_id=made[n].id if n < batches else None,
            row_number=0 if n < batches else None,
        )
        for n in range(streams)
    ]
    awaited = [_job(project_id, at) for _ in range(waits)]
    with parts.database.work() as session:
        session.add_all(made)
        session.add_all([*followed, *awaited])
        session.flush()
        for job in (*followed, *awaited):
            for step in _STEPS:
                jobs.note(session, job.id, step, at)
    return Watched([one.id for one in awaited], [one.id for one in followed], [one.id for one in made])


def end(parts: Runtime, job_id: UUID) -> None:
    """End a job as the engine does: the step, the move and the notice in one unit of work."""
    with parts.database.work() as session:
        job = jobs.lock_job(session, job_id)
        if job is None:
            raise LookupError(f"there is no job {job_id}")
        jobs.move_job(session, job, JobStatus.CANCELED, ended_at=parts.clock())
        jobs.note(session, job_id, JobStatus.CANCELED, parts.clock())
        agenda.announce_end(session, job_id)


def _job(
    project_id: UUID, at: datetime, *, batch_id: UUID | None = None, row_number: int | None = None
) -> JobRecord:
    return JobRecord(
        id=new_id(),
        project_id=project_id,
        kind="image",
        model="flux-dev",
        input={"prompt": "a red kite over dunes, early morning light, slow dolly in, 35 mm"},
        routing={"provider": "auto", "policy": "cheapest"},
        tags={"client": "acme"},
        priority="normal",
        status=JobStatus.QUEUED,
        plan=[],
        provider="fal",
        endpoint="fal-ai/flux/dev",
        batch_id=batch_id,
        row_number=row_number,
        created_at=at,
    )


def _batch(project_id: UUID, at: datetime) -> BatchRecord:
    return BatchRecord(
        id=new_id(),
        project_id=project_id,
        state="running",
        defaults={"tags": {"client": "acme"}},
        priority="normal",
        fingerprint="",
        file_key="",
        file_bytes=0,
        file_sha256="",
        header=["prompt"],
        separator=",",
        rows=1,
        read_rows=1,
        quotes={},
        created_at=at,
        read_at=at,
    )
