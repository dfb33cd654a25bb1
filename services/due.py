"""What has come due: jobs to let out, files to fetch, callbacks to try, sends that died half-way."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.lifecycle import JobStatus, MoveRefused
from services import outcomes
from services.runtime import Runtime
from storage import agenda, callbacks, jobs
from storage.database import DatabaseTrouble, DatabaseUnavailable
from storage.queue import COLLECT, DELIVER, SUBMIT, Note, QueueUnavailable

# How long a claimed row is left alone: a lost message costs this much, and no more.
CLAIM: Final = timedelta(seconds=15)
# How many rows one note carries at most: as many as one worker process works on side by side.
TOGETHER: Final = 16
_AGAIN: Final = timedelta(seconds=1)
_LOOKED_AT: Final = (JobStatus.RUNNING, JobStatus.REVIEW)
_WORKED_ON: Final = (JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.STORING)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: the jobs to look at, and the notes for the workers."""

    looks: Sequence[UUID]
    notes: Sequence[Note]


def claim(runtime: Runtime, *, owner: str, looks: int, notes: int) -> Claimed:
    """Take what is due, at most ``looks`` open generations and ``notes`` pieces of work.

    A job that is still ``submitting`` when its lease has run out lost its worker in the middle: whether the
    request went out is not known, so it is parked and never sent again by itself.
    """
    now = runtime.clock()
    with runtime.database.work() as session:
        seen = agenda.claim_due(session, owner=owner, now=now, lease=CLAIM, most=looks, statuses=_LOOKED_AT)
        due = agenda.claim_due(session, owner=owner, now=now, lease=CLAIM, most=notes, statuses=_WORKED_ON)
        told = callbacks.claim_deliveries(session, owner=owner, now=now, lease=CLAIM, most=notes)
    work = _notes(due)
    for one in due:
        if one.status == JobStatus.SUBMITTING:
            _lost(runtime, one.job_id)
    told_notes = [Note(DELIVER, "callbacks", (one,)) for one in told]
    return Claimed([one.job_id for one in seen], [*work, *told_notes])


def publish(runtime: Runtime, notes: Sequence[Note], *, owner: str) -> None:
    """Hand work to the workers; when the broker is away it stays due and is tried again in a second."""
    if not notes:
        return
    try:
        runtime.queue.publish(notes)
    except QueueUnavailable as error:
        log.warning("queue_unavailable", reason=str(error), waiting=len(notes))
        again = runtime.clock() + _AGAIN
        with runtime.database.work() as session:
            job_ids = [one for note in notes if note.task != DELIVER for one in note.ids]
            agenda.reschedule(session, [(job_id, again) for job_id in job_ids], owner=owner)
            delivery_ids = [one for note in notes if note.task == DELIVER for one in note.ids]
            callbacks.put_off(session, delivery_ids, owner=owner, until=again)


def _notes(due: Sequence[agenda.Due]) -> list[Note]:
    """Few notes for many rows: a task costs its worker milliseconds, however much it carries."""
    groups: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for one in due:
        if one.status == JobStatus.QUEUED:
            groups[SUBMIT, one.kind].append(one.job_id)
        elif one.status == JobStatus.STORING:
            groups[COLLECT, "collect"].append(one.job_id)
    return [
        Note(task, queue, tuple(ids[start : start + TOGETHER]))
        for (task, queue), ids in groups.items()
        for start in range(0, len(ids), TOGETHER)
    ]


def _lost(runtime: Runtime, job_id: UUID) -> None:
    """Park one job; a fault with it must not hold up what else was claimed."""
    try:
        with runtime.database.work() as session:
            attempt = jobs.last_attempt(session, job_id)
        if attempt is not None:
            outcomes.unknown(runtime, attempt.id, "the worker that was sending it died")
    except (DatabaseTrouble, DatabaseUnavailable, MoveRefused):
        log.exception("job_not_parked", job_id=str(job_id))
