"""Collecting: fetch what a provider made, check it, store it, and only then call the job succeeded."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog

from domain.failures import ErrorCode, Failure
from domain.lifecycle import AttemptStatus, JobStatus, Kind
from domain.storing import StoreTrouble, pause_before
from domain.timeline import Phase
from outbound.download import Download
from outbound.errors import AssetRefused, DownloadFailed
from outbound.media import Media, probe
from outbound.signatures import extension
from outbound.unusable import NotMedia
from services import ending
from services.lease import LEASE, kept
from services.relinking import STALE, fresh_outputs
from services.runtime import Runtime
from storage import agenda, jobs
from storage.objects.base import StoreError
from storage.objects.keys import object_key
from storage.records import AssetRecord, AttemptRecord, JobRecord

_MILLISECONDS: Final = Decimal("0.001")

log = structlog.get_logger(__name__)


class Unstored(Exception):  # noqa: N818 - names the fact
    """A file could not be fetched or stored: which kind of trouble it was, and whether its link ran out."""

    def __init__(self, code: ErrorCode, message: str, trouble: StoreTrouble, *, stale: bool = False) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, retryable=True)
        self.trouble = trouble
        self.stale = stale


@dataclass(frozen=True, slots=True)
class _Work:
    job: JobRecord
    attempt: AttemptRecord
    stored: frozenset[int]


def collect(runtime: Runtime, job_ids: Sequence[UUID], *, owner: str) -> None:
    """Fetch and store every file of jobs whose generation has finished.

    Safe to run twice: a lease keeps two workers apart, what is stored already is not fetched again, and keys
    follow from the job alone. It never touches the generation: that is made and paid for.
    """
    for job_id in job_ids:
        _collect(runtime, job_id, owner)


def _collect(runtime: Runtime, job_id: UUID, owner: str) -> None:
    work = _begin(runtime, job_id, owner)
    if work is None:
        return
    with kept(runtime, [job_id], owner):
        try:
            _store_all(runtime, work)
        except Unstored as error:
            # A link that has run out may be had anew; the generation itself is never asked for again.
            fresh = fresh_outputs(runtime, work.job, work.attempt) if error.stale else None
            _put_off(runtime, work, error, fresh)
        else:
            _finish(runtime, work)


def _begin(runtime: Runtime, job_id: UUID, owner: str) -> _Work | None:
    now = runtime.clock()
    with runtime.database.work() as session:
        job = jobs.lock_job(session, job_id)
        attempt = jobs.last_attempt(session, job_id)
        # Looked at before it is taken: a late message must not hold up a job that runs again by now.
        if job is None or attempt is None or job.status != JobStatus.STORING:
            return None
        if not agenda.take(session, job_id, owner=owner, now=now, lease=LEASE):
            return None
        stored = frozenset(asset.n for asset in jobs.assets_of(session, [job_id]))
    return _Work(job, attempt, stored)


def _store_all(runtime: Runtime, work: _Work) -> None:
    outputs = work.attempt.outputs or []
    if not any(not output["extra"] for output in outputs):
        raise Unstored(
            ErrorCode.ASSET_INVALID,
            f"{work.attempt.provider} finished, but its answer holds no {work.job.kind}",
            StoreTrouble.WRONG,
        )
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        for n, output in enumerate(outputs):
            if n not in work.stored:
                _store_one(runtime, work, n, output, Path(folder) / str(n))


def _store_one(runtime: Runtime, work: _Work, n: int, output: dict[str, Any], path: Path) -> None:
    begun = runtime.clock()
    download, media = _fetch(runtime, work, output, path)
    fetched = runtime.clock()
    job = work.job
    key = object_key(str(job.project_id), job.created_at, job.id, n, extension(media.content_type))
    try:
        runtime.objects.put(key, path, content_type=media.content_type, sha256=download.sha256)
    except StoreError as error:
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), StoreTrouble.AWAY) from error
    finally:
        path.unlink(missing_ok=True)
    stored = runtime.clock()
    asset = AssetRecord(
        job_id=job.id,
        n=n,
        attempt_id=work.attempt.id,
        key=key,
        content_type=media.content_type,
        bytes=download.bytes,
        sha256=download.sha256,
        width=media.width,
        height=media.height,
        duration=_seconds(media.duration),
        sandbox=work.attempt.sandbox,
        created_at=stored,
    )
    with runtime.database.work() as session:
        _, attempt = jobs.lock_attempt(session, work.attempt.id)
        jobs.keep_asset(session, asset)
        attempt.phases = _timed(attempt.phases, download=fetched - begun, store=stored - fetched)
        data = {"n": n, "bytes": download.bytes, "content_type": media.content_type}
        jobs.note(session, job.id, "downloaded", fetched, attempt=attempt.number, data=data)


def _fetch(runtime: Runtime, work: _Work, output: dict[str, Any], path: Path) -> tuple[Download, Media]:
    expected = None if output["extra"] else Kind(work.job.kind)
    try:
        download = runtime.downloader.fetch(output["url"], path)
        return download, probe(path, expected)
    except AssetRefused as error:
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), StoreTrouble.NEVER) from error
    except DownloadFailed as error:
        trouble = StoreTrouble.AWAY if error.away else StoreTrouble.WRONG
        stale = error.status in STALE
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), trouble, stale=stale) from error
    except NotMedia as error:
        raise Unstored(ErrorCode.ASSET_INVALID, str(error), StoreTrouble.WRONG) from error


def _finish(runtime: Runtime, work: _Work) -> None:
    at = runtime.clock()
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, work.attempt.id)
        if job.status != JobStatus.STORING:
            return
        jobs.move_attempt(session, attempt, AttemptStatus.SUCCEEDED, ended_at=at, error=None)
        files = len(attempt.outputs or [])
        jobs.note(session, job.id, "stored", at, attempt=attempt.number, data={"files": files})
        ending.end(runtime, session, job, JobStatus.SUCCEEDED)


def _put_off(runtime: Runtime, work: _Work, error: Unstored, fresh: list[dict[str, Any]] | None) -> None:
    """Try again later, for as long as that may help; the cost stays booked whatever comes of it."""
    at = runtime.clock()
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, work.attempt.id)
        if job.status != JobStatus.STORING:
            return
        attempt.store_tries += 1
        attempt.outputs = fresh or attempt.outputs
        age = (at - (attempt.detected_at or at)).total_seconds()
        pause = pause_before(error.trouble, tries=attempt.store_tries, age=age)
        failure = error.failure
        log.warning("store_failed", job_id=str(job.id), code=failure.code, tries=attempt.store_tries)
        data = {"error": failure.as_json(), "tries": attempt.store_tries, "again_in_seconds": pause}
        jobs.note(session, job.id, "store_failed", at, attempt=attempt.number, data=data)
        if pause is not None:
            agenda.schedule(session, job, at + timedelta(seconds=pause))
        else:
            jobs.move_attempt(session, attempt, AttemptStatus.FAILED, ended_at=at, error=failure.as_json())
            ending.end(runtime, session, job, JobStatus.FAILED, failure)


def _timed(phases: dict[str, float], *, download: timedelta, store: timedelta) -> dict[str, float]:
    spent = {Phase.DOWNLOAD: download.total_seconds(), Phase.STORE: store.total_seconds()}
    return phases | {phase: round(phases.get(phase, 0.0) + seconds, 6) for phase, seconds in spent.items()}


def _seconds(duration: float | None) -> Decimal | None:
    return None if duration is None else Decimal(duration).quantize(_MILLISECONDS)
