"""Erasing what a job holds: its records at once, the object store and the provider step by step after."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.erasing import There, Wanted, together
from domain.lifecycle import SETTLED
from services import reading
from services.refusals import Conflict, NotFound
from services.runtime import Runtime
from services.views import timestamp
from storage import erasing, erasures, jobs
from storage.database import Session
from storage.erasures import Kind
from storage.records import ErasureRecord, JobRecord

# What is not over yet when its time has passed is looked at again after so long.
WAIT: Final = timedelta(hours=1)

_STAYS: Final = "amounts, times, ids, states and tags: costs are told by them"
_ROW_STAYS: Final = "the row in the uploaded file of batch {id}: DELETE /v1/batches/{id} erases that"
_ANSWERED: Final = ("attempt", "provider", "provider_request_id", "state", "message")

ON_REQUEST: Final = Wanted(prompt=True, assets=True, reason="request")


def erase(runtime: Runtime, *, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """Erase a job's prompt, input and files, here and at its provider; again tries again what was not done.

    The records are empty when this returns. The rest follows within seconds, and is tried until it is done;
    the answer says how it stands.

    Raises:
        NotFound: the project has no such job.
        Conflict: it is not over.
    """
    now = runtime.clock()
    with runtime.database.work() as session:
        job = jobs.job_of_project(session, project_id, job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id} in this project")
        if not begin(session, project_id, [job_id], ON_REQUEST, now, wait=False):
            raise _not_over(job)
        erasures.ask_again(session, job_id, now)
    return reading.job(runtime, project_id, job_id) | {"erasure": job_erasure(runtime, project_id, job_id)}


def job_erasure(runtime: Runtime, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """How far the erasure of a job has come; raises NotFound where none was begun."""
    with runtime.database.work() as session:
        job = jobs.job_of_project(session, project_id, job_id)
        found = own(session, project_id, job_id, "job")
    batch_id = None if job is None else job.batch_id
    kept = [_STAYS] if batch_id is None else [_STAYS, _ROW_STAYS.format(id=batch_id)]
    return erasure_view(found, kept)


def own(session: Session, project_id: UUID, thing_id: UUID, kind: Kind) -> ErasureRecord:
    """A project's own erasure; raises NotFound."""
    found = erasures.find(session, thing_id)
    if found is None or found.project_id != project_id or found.kind != kind:
        raise NotFound(f"nothing of a {kind} {thing_id} is being erased in this project")
    return found


def begin(
    session: Session,
    project_id: UUID,
    job_ids: Sequence[UUID],
    wanted: Wanted,
    now: datetime,
    *,
    wait: bool = True,
) -> list[UUID]:
    """Empty the records of those of a project's jobs that are over, and answer which these are.

    With ``wait`` the others are erased once they are over. What was erased so far already is left alone.
    """
    over = erasing.lock_settled(session, job_ids)
    fresh = erasures.uncovered(session, over, wanted)
    if fresh:
        # First what is to be removed elsewhere, while the records still name it.
        erasures.begin(session, fresh, wanted, now)
        erasing.empty(session, fresh, wanted, now)
    going = sorted(set(job_ids).difference(over))
    if going and wait:
        erasures.put_off(session, "job", going, wanted, project_id=project_id, now=now, until=now + WAIT)
    return over


def erasure_view(erasure: ErasureRecord, kept: Sequence[str]) -> dict[str, Any]:
    """An erasure as it is told; ``kept`` are sentences on what stays."""
    begun, left = erasure.begun_at is not None, len(erasure.keys)
    states = [There(entry["state"]) for entry in erasure.provider]
    return {
        "object": "erasure",
        f"{erasure.kind}_id": str(erasure.id),
        "reason": erasure.reason,
        "requested_at": timestamp(erasure.asked_at),
        "done_at": timestamp(erasure.done_at),
        "record": {
            "state": "erased" if begun else "waiting",
            "prompt": erasure.prompt,
            "assets": erasure.assets,
        },
        "objects": {
            "state": "pending" if left or not begun else "erased",
            "left": left,
            "erased": erasure.removed,
        },
        "provider": {
            "state": together(states) if begun else "waiting",
            "requests": [{name: entry[name] for name in _ANSWERED} for entry in erasure.provider],
        },
        "kept": list(kept),
    }


def _not_over(job: JobRecord) -> Conflict:
    first = "resolve" if job.status not in SETTLED and job.ended_at is not None else "cancel"
    return Conflict(
        f"only a job that is over can be erased; this one is {job.status}: {first} it first",
        code="job_not_over",
        status=job.status,
    )
