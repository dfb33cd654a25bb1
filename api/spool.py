"""An upload on its way to the disk: counted, hashed, and stopped as soon as it is too large."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from api.answers import Problem
from domain.sheets.limits import MAX_FILE_BYTES, MEGABYTE
from services.batches.sheet_files import SheetFile


class Spool:
    """A file that is written as its bytes come in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._hash = sha256()
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        # Where the disk is full, what is still to be written is given up.
        with suppress(OSError):
            self._file.close()

    def write(self, data: bytes) -> None:
        """Take some more bytes; raises Problem: 413 where that makes too many, 503 where the disk is full."""
        self._bytes += len(data)
        refuse_too_large(self._bytes)
        self._hash.update(data)
        with _room():
            self._file.write(data)

    def finished(self) -> SheetFile:
        """The whole file, once its last byte has come in; raises Problem (503) where the disk is full."""
        with _room():
            self._file.flush()
        return SheetFile(self._path, self._bytes, self._hash.hexdigest())


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Problem(503, "no_room", "there is no room for the file just now: try again later") from error


def refuse_too_large(size: int) -> None:
    """Raise Problem (413) where a file of ``size`` bytes is too large."""
    if size > MAX_FILE_BYTES:
        most = MAX_FILE_BYTES // MEGABYTE
        raise Problem(413, "file_too_large", f"the file is larger than {most} MB: split it")
