"""One file's way from the provider's link into the object store: fetched, checked, stored."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from domain.failures import ErrorCode, Failure
from domain.lifecycle import Kind
from domain.storing import StoreTrouble
from outbound.download import Download
from outbound.errors import AssetRefused, DownloadFailed
from outbound.media import Media, probe
from outbound.signatures import extension
from outbound.unusable import NotMedia
from services.relinking import STALE
from services.runtime import Runtime
from services.scratch import NoRoom, Room
from storage.objects.base import StoreError
from storage.objects.keys import object_key
from storage.steps.storing import StoredFile, Storing

_MILLISECONDS: Final = Decimal("0.001")

_room: Final = Room()


class Unstored(Exception):  # noqa: N818 - names the fact
    """A file could not be fetched or stored: which kind of trouble it was, and whether its link ran out."""

    def __init__(self, code: ErrorCode, message: str, trouble: StoreTrouble, *, stale: bool = False) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, retryable=True)
        self.trouble = trouble
        self.stale = stale


def check_outputs(job: Storing) -> None:
    """Raise Unstored for a generation that finished without a result."""
    if all(output["extra"] for output in job.outputs):
        raise Unstored(
            ErrorCode.ASSET_INVALID,
            f"{job.provider} finished, but its answer holds no {job.kind}",
            StoreTrouble.WRONG,
        )


def store_file(
    runtime: Runtime, job: Storing, n: int, path: Path, *, check: Callable[[], None]
) -> StoredFile:
    """Bring output ``n`` of a job into the object store, over a file at ``path`` that is gone afterwards.

    ``check`` is called as bytes come in; what it raises ends the download. Raises Unstored.
    """
    begun = runtime.clock()

    def on_progress(size: int) -> None:
        check()
        _room.grow(path, size)

    try:
        download, media = _fetch(runtime, job, job.outputs[n], path, on_progress)
        fetched = runtime.clock()
        key = object_key(str(job.project_id), job.created_at, job.job_id, n, extension(media.content_type))
        runtime.objects.put(key, path, content_type=media.content_type, sha256=download.sha256)
    except (StoreError, NoRoom) as error:
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), StoreTrouble.AWAY) from error
    finally:
        path.unlink(missing_ok=True)
        _room.free(path)
    stored = runtime.clock()
    return StoredFile(
        job_id=job.job_id,
        attempt_id=job.attempt_id,
        number=job.number,
        n=n,
        key=key,
        content_type=media.content_type,
        bytes=download.bytes,
        sha256=download.sha256,
        width=media.width,
        height=media.height,
        duration=_seconds(media.duration),
        sandbox=job.sandbox,
        fetched_at=fetched,
        stored_at=stored,
        download=(fetched - begun).total_seconds(),
        store=(stored - fetched).total_seconds(),
    )


def _fetch(
    runtime: Runtime,
    job: Storing,
    output: Mapping[str, Any],
    path: Path,
    on_progress: Callable[[int], None],
) -> tuple[Download, Media]:
    expected = None if output["extra"] else Kind(job.kind)
    try:
        download = runtime.downloader.fetch(output["url"], path, on_progress=on_progress)
        return download, probe(path, expected)
    except AssetRefused as error:
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), StoreTrouble.NEVER) from error
    except DownloadFailed as error:
        trouble = StoreTrouble.AWAY if error.away else StoreTrouble.WRONG
        stale = error.status in STALE
        raise Unstored(ErrorCode.ASSET_UNAVAILABLE, str(error), trouble, stale=stale) from error
    except NotMedia as error:
        raise Unstored(ErrorCode.ASSET_INVALID, str(error), StoreTrouble.WRONG) from error


def _seconds(duration: float | None) -> Decimal | None:
    return None if duration is None else Decimal(duration).quantize(_MILLISECONDS)
