"""Bytes in pieces of any size as physical lines, in bounded memory."""

from collections.abc import Iterable, Iterator
from typing import Final

from domain.sheets.errors import FileTooLargeError
from domain.sheets.limits import MAX_FILE_BYTES, MAX_ROW_BYTES, MEGABYTE

_PIECE_BYTES: Final = 65_536


def physical_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Each line with its own end (LF, CRLF or a lone CR).

    What is longer than a row may be is handed out before its end, so that it is never held as a whole.

    Raises:
        FileTooLargeError: more bytes than a file may have.
    """
    held: list[bytes] = []
    size = 0
    for piece in _pieces(chunks):
        held.append(piece)
        size += len(piece)
        if not _has_line_end(piece, held) and size <= MAX_ROW_BYTES:
            continue
        lines = b"".join(held).splitlines(keepends=True)
        # After a CR at the end, an LF may still follow.
        unfinished = b"" if lines[-1].endswith(b"\n") or len(lines[-1]) > MAX_ROW_BYTES else lines.pop()
        yield from lines
        held, size = [unfinished], len(unfinished)
    if size:
        yield b"".join(held)


def _has_line_end(piece: bytes, held: list[bytes]) -> bool:
    after_cr = len(held) > 1 and held[-2].endswith(b"\r")
    return after_cr or b"\n" in piece or b"\r" in piece


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are not empty, each small beside the limits."""
    offset = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            piece = chunk[start : start + _PIECE_BYTES]
            offset += len(piece)
            if offset > MAX_FILE_BYTES:
                limit = MAX_FILE_BYTES // MEGABYTE
                raise FileTooLargeError(
                    f"the file is larger than {limit} MB: split it", offset=MAX_FILE_BYTES
                )
            yield piece
