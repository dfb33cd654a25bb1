"""All files of a batch as one ZIP archive, made while it is sent: only the list of its entries is kept."""

from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from io import RawIOBase
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final
from zipfile import ZipFile, ZipInfo

import structlog

from domain.sheets.writing import csv_blocks
from services.batches.files import path_of
from services.batches.results import pages
from services.refusals import Unavailable
from services.runtime import Runtime
from storage.batches.results import StoredFile, stored_files
from storage.objects.base import StoreError
from storage.records import BatchRecord

_CHUNK_BYTES: Final = 1024 * 1024
_MANIFEST: Final = "manifest.csv"
_COLUMNS: Final = ("row", "row_id", "job_id", "file", "bytes", "sha256", "content_type")
# A file that its owner may write and everyone read; ZIP keeps it in the upper half.
_READABLE: Final = 0o100644 << 16

log = structlog.get_logger(__name__)


class WrongFile(Exception):  # noqa: N818 - names the fact
    """What lies in the object store is not what was put there."""


def assets_zip(runtime: Runtime, batch: BatchRecord) -> Generator[bytes, None, None]:
    """The files of every job that has succeeded, in the order of the rows, and last the list of them.

    Each is checked while it passes. Where one is missing or wrong, the archive ends without its directory, so
    that nobody can take it for whole.

    Raises:
        Unavailable: the object store is away, or has not got a file.
        WrongFile: a file's bytes are not those that its job made.
    """
    sink = _Sink()
    with SpooledTemporaryFile(_CHUNK_BYTES) as manifest, ZipFile(sink, "w") as archive:
        manifest.writelines(csv_blocks([_COLUMNS], separator=batch.separator))
        for file in pages(runtime, batch, stored_files):
            path = path_of(batch, file)
            entry = _entry(path, file.bytes, file.created_at)
            yield from _added(archive, sink, entry, _checked(runtime, batch, file))
            manifest.writelines(csv_blocks([_line(file, path)], separator=batch.separator))
        entry = _entry(_MANIFEST, manifest.tell(), runtime.clock())
        manifest.seek(0)
        yield from _added(archive, sink, entry, _chunks(manifest))
    yield sink.taken()


class _Sink(RawIOBase):
    """What the archive is written to: it only goes forward, and holds what has not been handed on."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: Any) -> int:  # noqa: ANN401 - typeshed's ReadableBuffer; these are bytes
        self._blocks.append(block)
        return len(block)

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        blocks, self._blocks = self._blocks, []
        return b"".join(blocks)


def _added(archive: ZipFile, sink: _Sink, entry: ZipInfo, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Put a file into the archive, and hand on what that makes of it."""
    with archive.open(entry, "w") as file:
        for chunk in chunks:
            file.write(chunk)
            yield sink.taken()


def _entry(path: str, size: int, at: datetime) -> ZipInfo:
    """A file that is kept as it is: media does not get smaller. From 2 GiB on the 64-bit form is used."""
    moment = at.astimezone(UTC)
    entry = ZipInfo(path, (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    entry.file_size = size
    entry.external_attr = _READABLE
    return entry


def _checked(runtime: Runtime, batch: BatchRecord, file: StoredFile) -> Iterator[bytes]:
    try:
        with runtime.objects.open(file.key) as stream:
            yield from _as_made(file, _chunks(stream))
    except (StoreError, WrongFile) as error:
        log.warning(
            "archive_torn", batch_id=str(batch.id), job_id=str(file.job_id), n=file.n, reason=str(error)
        )
        if isinstance(error, WrongFile):
            raise
        raise Unavailable(f"a file cannot be read just now: {error}", code="store_unavailable") from error


def _as_made(file: StoredFile, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, as long as they can be what the job made; raises WrongFile."""
    digest, size = sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if size > file.bytes:
            raise WrongFile(f"{file.key} is larger than {file.bytes} bytes")
        yield chunk
    if digest.hexdigest() != file.sha256:
        raise WrongFile(f"the SHA-256 of {file.key} ({size} bytes) is not {file.sha256}")


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(stream.read, _CHUNK_BYTES), b"")


def _line(file: StoredFile, path: str) -> list[str]:
    number, size = str(file.row_number + 1), str(file.bytes)
    return [number, file.row_id or "", str(file.job_id), path, size, file.sha256, file.content_type]
