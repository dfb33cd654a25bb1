"""What has come due: jobs to let out, files to fetch, callbacks to try, sends that died half-way."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from domain.lifecycle import JobStatus
from services import calling, letting
from services.runtime import Runtime
from services.sights import Open, open_of
from storage import agenda, claims
from storage import calling as turns
from storage.batches import reading
from storage.claims import Due, Lease
from storage.database import Session
from storage.queue import COLLECT, DELIVER, READ, SUBMIT, Note, QueueUnavailable
from storage.steps.looking import open_rows

# How long a claimed row is left alone: a lost message costs this much, and no more.
CLAIM: Final = timedelta(seconds=15)
# How many rows one note carries at most: as many as one worker process works on side by side.
TOGETHER: Final = 16
_AGAIN: Final = timedelta(seconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the claim ``at`` that time brought: jobs to look at, notes for the workers, and what is to settle.

    ``open`` is what is to be asked about the jobs of ``looks``; there may be nothing to ask about one.
    ``lost`` are jobs that were still being sent when their lease ran out: their worker died in the middle, or
    their outcome is unknown and they are looked for.
    """

    looks: Sequence[UUID]
    open: Sequence[Open]
    notes: Sequence[Note]
    lost: Sequence[UUID]
    at: datetime


def claim(runtime: Runtime, *, owner: str, looks: Mapping[str, int], notes: int) -> Claimed:
    """Take what is due: at most so many ``looks`` at each provider, and ``notes`` pieces of work."""
    now = runtime.clock()
    lease = Lease(owner, now, CLAIM.total_seconds())
    with runtime.database.work() as session:
        seen = [
            job_id for name, most in looks.items() for job_id in _looks(runtime, session, name, lease, most)
        ]
        asked = open_rows(session, seen)
        due = claims.claim_work(session, lease, most=notes)
        told = calling.claim(session, lease, most=notes)
        files = reading.claim(session, lease)
    let = letting.let_out(runtime, lease, most=notes)
    lost = [one.job_id for one in due if one.status == JobStatus.SUBMITTING]
    told_notes = [
        Note(DELIVER, "callbacks", tuple(told[start : start + TOGETHER]))
        for start in range(0, len(told), TOGETHER)
    ]
    read_notes = [Note(READ, "batches", (one,), in_turn=True) for one in files]
    opened = [open_of(row) for row in asked]
    return Claimed(seen, opened, [*_notes([*due, *let]), *told_notes, *read_notes], lost, now)


def _looks(runtime: Runtime, session: Session, provider: str, lease: Lease, most: int) -> Sequence[UUID]:
    """The open requests of a provider that are due for a look, within what it is asked to bear."""
    rate = runtime.catalogue.limits.of_provider(provider).looks_per_second
    return claims.claim_looks(session, provider, lease, most=most, per_second=rate)


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
            job_ids = [one for note in notes if note.task in {SUBMIT, COLLECT} for one in note.ids]
            agenda.reschedule(session, [(job_id, again) for job_id in job_ids], owner=owner)
            delivery_ids = [one for note in notes if note.task == DELIVER for one in note.ids]
            turns.put_off(session, delivery_ids, owner=owner, until=again)
            batch_ids = [one for note in notes if note.task == READ for one in note.ids]
            reading.put_off(session, batch_ids, owner=owner, until=again)


def _notes(due: Sequence[Due]) -> list[Note]:
    """Few notes for many rows: a task costs its worker milliseconds, however much it carries."""
    groups: dict[tuple[str, str, bool], list[UUID]] = defaultdict(list)
    for one in due:
        if one.status == JobStatus.QUEUED:
            groups[SUBMIT, one.kind, one.of_batch].append(one.job_id)
        elif one.status == JobStatus.STORING:
            groups[COLLECT, "collect", one.of_batch].append(one.job_id)
    return [
        Note(task, queue, tuple(ids[start : start + TOGETHER]), in_turn)
        for (task, queue, in_turn), ids in groups.items()
        for start in range(0, len(ids), TOGETHER)
    ]
