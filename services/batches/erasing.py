"""Erasing a batch: its uploaded file, what was said of its bad rows, and each of its jobs."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.erasing import Wanted
from services.batches.views import batch_view, no_batch
from services.erasing import ON_REQUEST, erasure_view, own
from services.refusals import Conflict
from services.runtime import Runtime
from storage import erasing, erasures
from storage.batches import queries
from storage.database import Session

_STAYS: Final = (
    "amounts, counts, ids, states, tags and the names of its columns: costs are told by them",
    "its jobs are erased one after another: each tells of its own at GET /v1/jobs/{id}/erasure",
)


def erase(runtime: Runtime, *, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """Erase a batch's file and all of its jobs, as ``services.erasing`` does it with one.

    Raises:
        NotFound: the project has no such batch.
        Conflict: it is not over.
    """
    now = runtime.clock()
    with runtime.database.work() as session:
        batch = queries.batch_of_project(session, project_id, batch_id)
        if batch is None:
            raise no_batch(batch_id)
        if not begin(session, batch_id, ON_REQUEST, now):
            raise Conflict(
                f"only a batch that is over can be erased; this one is {batch.state}: cancel it first",
                code="batch_not_over",
                status=batch.state,
            )
    with runtime.database.work() as session:
        found = queries.batch_of_project(session, project_id, batch_id) or batch
        view = batch_view(runtime, session, found)
        return view | {"erasure": erasure_view(own(session, project_id, batch_id, "batch"), _STAYS)}


def batch_erasure(runtime: Runtime, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """How far the erasure of a batch has come; raises NotFound where none was begun."""
    with runtime.database.work() as session:
        return erasure_view(own(session, project_id, batch_id, "batch"), _STAYS)


def begin(session: Session, batch_id: UUID, wanted: Wanted, now: datetime) -> bool:
    """Empty a batch's record and have its file removed, and where files are to go each of its jobs.

    False where it is not over. What was erased so far already is left alone.
    """
    if not erasing.lock_ended_batch(session, batch_id):
        return False
    if erasures.uncovered(session, [batch_id], wanted):
        erasures.begin_batch(session, batch_id, wanted, now)
        erasing.empty_batch(session, batch_id, now)
    return True
