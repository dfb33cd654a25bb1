"""What is left of an erasure once the records are empty: the objects, what providers keep, a batch's jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog

from domain.erasing import There, Wanted, after_no_answer, pause_after, together
from providers.base import LookFailed
from services import erasing
from services.batches import erasing as batch_erasing
from services.erasing import WAIT
from services.runtime import Runtime
from storage import erasing as records
from storage import erasures, jobs
from storage.database import Session
from storage.objects.base import StoreError
from storage.records import ErasureRecord

# A provider may take 20 s for each request.
_LEASE: Final = timedelta(minutes=10)
_AT_ONCE: Final = 16
_ROWS: Final = 500
_SWEEP_SECONDS: Final = 60.0

Entry = Mapping[str, Any]

log = structlog.get_logger(__name__)


def sweep(runtime: Runtime) -> None:
    """Go on with every erasure that is due; each is found again if this process dies over it."""
    end = monotonic() + _SWEEP_SECONDS
    while monotonic() < end:
        now = runtime.clock()
        with runtime.database.work() as session:
            due = erasures.claim(session, now=now, until=now + _LEASE, most=_AT_ONCE)
        for one in due:
            _go_on(runtime, one)
        if len(due) < _AT_ONCE:
            return


def _go_on(runtime: Runtime, thing_id: UUID) -> None:
    with runtime.database.work() as session:
        erasure = erasures.read(session, thing_id)
    if erasure.begun_at is None:
        _begin(runtime, erasure)
        return
    removed = _remove(runtime, erasure)
    entries = [_erase_there(runtime, erasure.begun_at, entry) for entry in erasure.provider]
    more = erasure.kind == "batch" and erasure.assets and _next_jobs(runtime, erasure)
    _keep(runtime, thing_id, removed, entries, more=more)


def _begin(runtime: Runtime, erasure: ErasureRecord) -> None:
    """Something was past its time before it was over: erase it if it is by now."""
    now, wanted = runtime.clock(), Wanted(erasure.prompt, erasure.assets, erasure.reason)
    with runtime.database.work() as session:
        if erasure.kind == "job":
            erasing.begin(session, erasure.project_id, [erasure.id], wanted, now)
        elif not batch_erasing.begin(session, erasure.id, wanted, now):
            erasures.lock(session, erasure.id).next_at = now + WAIT


def _remove(runtime: Runtime, erasure: ErasureRecord) -> set[str]:
    """Remove objects until one cannot be; which are gone."""
    gone: set[str] = set()
    try:
        for key in erasure.keys:
            runtime.objects.delete(key)
            gone.add(key)
    except StoreError as error:
        left = len(erasure.keys) - len(gone)
        log.warning("objects_not_erased", id=str(erasure.id), left=left, reason=str(error))
    return gone


def _erase_there(runtime: Runtime, begun_at: datetime, entry: Entry) -> Entry:
    """What becomes of one request at its provider; what was decided stays."""
    if entry["state"] != There.PENDING:
        return entry
    provider = runtime.providers.get(entry["provider"])
    age = runtime.clock() - begun_at
    if provider is None:
        said = f"{entry['provider']} is not set up here any more: set its key, and delete this once more"
        return {**entry, "state": There.IMPOSSIBLE.value, "message": said}
    try:
        done = provider.erase(entry["provider_request_id"])
    except LookFailed as error:
        state = after_no_answer(missing=error.missing, permanent=error.permanent, over=entry["over"], age=age)
        return {**entry, "state": state.value, "message": str(error)}
    if done.files_left:
        state = after_no_answer(missing=False, permanent=False, over=True, age=age)
        said = f"{entry['provider']} could not remove {done.files_left} of the files that it made"
        return {**entry, "state": state.value, "message": said}
    said = (
        f"input, output and {done.files} made files are gone there; files given as input stay where they are"
    )
    return {**entry, "state": There.ERASED.value, "message": said}


def _next_jobs(runtime: Runtime, erasure: ErasureRecord) -> bool:
    """Begin with the next jobs of a batch; False where there are no more."""
    wanted = Wanted(prompt=True, assets=True, reason=erasure.reason)
    with runtime.database.work() as session:
        rows = erasures.rows_after(session, erasure.id, erasure.rows_to, most=_ROWS)
        if rows:
            erasing.begin(
                session, erasure.project_id, [job_id for job_id, _ in rows], wanted, runtime.clock()
            )
            erasures.lock(session, erasure.id).rows_to = rows[-1][1]
    return bool(rows)


def _keep(
    runtime: Runtime, thing_id: UUID, removed: set[str], entries: Sequence[Entry], *, more: bool
) -> None:
    """Write down how far it has come, and when it is gone on with; more may have been asked for meanwhile."""
    now = runtime.clock()
    with runtime.database.work() as session:
        # Held in the order in which whoever begins an erasure holds both.
        records.lock_settled(session, [thing_id])
        records.lock_ended_batch(session, thing_id)
        erasure = erasures.lock(session, thing_id)
        if erasure.next_at is None:
            return
        erasure.removed += len(removed.intersection(erasure.keys))
        erasure.keys = [key for key in erasure.keys if key not in removed]
        erasure.provider = _decided(erasure.provider, entries)
        undone = bool(erasure.keys) or any(one["state"] == There.PENDING for one in erasure.provider)
        if more:
            erasure.next_at = now
        elif undone:
            erasure.next_at = now + pause_after(erasure.tries)
            erasure.tries += 1
        else:
            _finish(session, erasure, now)


def _decided(before: Sequence[Entry], now: Sequence[Entry]) -> list[dict[str, Any]]:
    """The requests with what has become of them; where another was faster, what that one has learned."""
    learned = {(entry["provider"], entry["provider_request_id"]): entry for entry in now}
    return [
        dict(learned.get((entry["provider"], entry["provider_request_id"]), entry))
        if entry["state"] == There.PENDING
        else dict(entry)
        for entry in before
    ]


def _finish(session: Session, erasure: ErasureRecord, now: datetime) -> None:
    session.flush()
    erasures.finish(session, erasure, now)
    there = together([There(entry["state"]) for entry in erasure.provider])
    log.info("erased", id=str(erasure.id), kind=erasure.kind, objects=erasure.removed, provider=there)
    if erasure.kind == "job":
        data = {"objects": erasure.removed, "provider": there}
        jobs.note(session, erasure.id, "erased", now, data=data)
