"""Records of a sheet: lines read as cells, and where in the file each record begins and ends."""

import csv
from collections.abc import Iterable, Iterator

from domain.sheets.errors import EncodingError, NulByteError, RowTooLargeError, SheetError, UnclosedQuoteError
from domain.sheets.limits import MAX_ROW_BYTES


def cells_of(texts: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Python's own reader, lenient as spreadsheets are, with room for the largest row in one cell."""
    # The limit is the process's; it only ever has this one value.
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    return csv.reader(texts, delimiter=delimiter)


class Records:
    """The records that are not empty; ``offset`` and ``line`` tell how much of the file they have used up.

    The reader takes one line more only while a quoted cell is open, so after each record both are exact.
    ``began`` is the line on which the latest record begins, from 1 on.
    """

    def __init__(self, lines: Iterable[bytes], delimiter: str, *, offset: int = 0, line: int = 0) -> None:
        self.offset = offset
        self.line = line
        self.began = line + 1
        self._bytes = 0
        self._too_large = False
        self._ended_inside = False
        self._reader = cells_of(self._texts(lines), delimiter)

    def __next__(self) -> list[str]:
        while True:
            self.began = self.line + 1
            self._bytes = 0
            cells = next(self._reader, None)
            if self._too_large or self._ended_inside:
                raise self._broken(cells)
            if cells is None:
                raise StopIteration
            if (cells and cells[0].strip()) or any(map(str.strip, cells)):
                return cells

    def _texts(self, lines: Iterable[bytes]) -> Iterator[str]:
        for line in lines:
            size = len(line)
            self._bytes += size
            if self._bytes > MAX_ROW_BYTES:
                self._too_large = True
                return
            if b"\x00" in line:
                raise self._nul(line)
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise self._not_utf8(error.start, line[error.start]) from error
            self.offset += size
            self.line += 1
            yield text
        self._ended_inside = self._bytes > 0

    def _nul(self, line: bytes) -> NulByteError:
        at, number = self.offset + line.index(0), self.line + 1
        return NulByteError(
            f"byte {at} of the file, on line {number}, is NUL, which no text holds (is it in UTF-16?): "
            "save the file as CSV UTF-8",
            line=number,
            offset=at,
        )

    def _not_utf8(self, start: int, byte: int) -> EncodingError:
        at, number = self.offset + start, self.line + 1
        return EncodingError(
            f"byte {at} of the file, on line {number}, is 0x{byte:02x}, which is not UTF-8 there: "
            "save the file as CSV UTF-8",
            line=number,
            offset=at,
        )

    def _broken(self, cells: list[str] | None) -> SheetError:
        """What is wrong with the latest record; ``cells`` are those of its lines that have been read."""
        # Each line of the open cell but the last has its end in it; the empty cell is on one line, too.
        spans = max(1, len(cells[-1].encode().splitlines())) if cells else 1
        opened = self.line + 1 - spans
        if self._ended_inside:
            return UnclosedQuoteError(
                f'the file ends inside the quoted cell that begins on line {opened}: close it with "',
                line=opened,
            )
        hint = f' (is the quoted cell that begins on line {opened} closed with "?)' if cells else ""
        return RowTooLargeError(
            f"the row on line {self.began} is larger than {MAX_ROW_BYTES:,} bytes: shorten it{hint}",
            line=self.began,
        )
