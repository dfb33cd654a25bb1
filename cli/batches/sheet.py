"""The sheet that a batch is made from: a file, or standard input kept in one, known by its SHA-256."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

from cli.errors import Misused
from domain.sheets.limits import MAX_FILE_BYTES, MEGABYTE

_STANDARD_INPUT: Final = "-"
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SheetFile:
    """An open file that can be read again and again, its size in bytes, and the SHA-256 of them."""

    name: str
    file: BinaryIO
    size: int
    sha256: str


@contextmanager
def opened(given: str) -> Iterator[SheetFile]:
    """The file called ``given``, where ``-`` is standard input.

    Raises:
        Misused: it cannot be read, or is larger than a sheet may be.
    """
    if given == _STANDARD_INPUT:
        # An upload whose answer is lost is sent again: what was read from a pipe must still be there.
        with TemporaryFile() as kept:
            digest = _digest(given, sys.stdin.buffer, cast("BinaryIO", kept))
            kept.flush()
            yield SheetFile("stdin.csv", cast("BinaryIO", kept), kept.tell(), digest)
        return
    with _open(given) as file:
        digest = _digest(given, file)
        yield SheetFile(Path(given).name, file, file.tell(), digest)


def _open(given: str) -> BinaryIO:
    try:
        return Path(given).open("rb")
    except OSError as error:
        raise _unreadable(given, error) from error


def _digest(given: str, source: BinaryIO, copy: BinaryIO | None = None) -> str:
    """The SHA-256 of all that can be read, which is written to ``copy`` on the way."""
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in iter(partial(source.read, _CHUNK_BYTES), b""):
            digest.update(chunk)
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                most = MAX_FILE_BYTES // MEGABYTE
                raise Misused(f"{given} is larger than the {most} MB that a sheet may have: split it")
            if copy is not None:
                copy.write(chunk)
    except OSError as error:
        raise _unreadable(given, error) from error
    return digest.hexdigest()


def _unreadable(given: str, error: OSError) -> Misused:
    return Misused(f"{given} cannot be read ({error.strerror}): name a CSV file, or - for standard input")
