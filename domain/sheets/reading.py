"""Opening a sheet, going through its rows, and taking up again where another left off."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from domain.sheets.errors import TooManyRowsError
from domain.sheets.formats import refuse_other_formats
from domain.sheets.header import Header, named_separator, sample, separator_of
from domain.sheets.limits import MAX_ROWS
from domain.sheets.lines import physical_lines
from domain.sheets.records import Records

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """One row of data: its number from 0 on, the physical line on which it begins, and its cells."""

    number: int
    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place between two rows: how many bytes, lines and rows of data lie before it."""

    offset: int
    line: int
    rows: int


class Sheet:
    """The rows of an open file, each read when it is asked for; empty ones are passed over, uncounted."""

    def __init__(self, header: Header, records: Records, *, rows: int = 0) -> None:
        self.header = header
        self._records = records
        self._rows = rows

    @property
    def position(self) -> Checkpoint:
        """The place after the latest row."""
        return Checkpoint(self._records.offset, self._records.line, self._rows)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        """The next row.

        Raises:
            SheetError: the file cannot be read any further.
        """
        cells = next(self._records)
        number, line = self._rows, self._records.began
        if number == MAX_ROWS:
            raise TooManyRowsError(f"the file has more than {MAX_ROWS:,} rows: split it", line=line)
        self._rows = number + 1
        return Row(number, line, cells)


def open_sheet(chunks: Iterable[bytes]) -> Sheet:
    """Read the header from a file's bytes, in pieces of any size, and stand before the first row.

    Raises:
        SheetError: no CSV in UTF-8, or a header that does not name the columns as it must.
    """
    lines = physical_lines(refuse_other_formats(chunks))
    first = next(lines, b"")
    text = first.removeprefix(_BYTE_ORDER_MARK)
    named = named_separator(text)
    skipped = first if named else first[: len(first) - len(text)]
    peeked = sample(lines if named else chain([text], lines))
    separator = named or separator_of(peeked)
    records = Records(chain(peeked, lines), separator, offset=len(skipped), line=int(named is not None))
    cells = next(records, None)
    return Sheet(Header.of(cells, separator, line=records.began), records)


def reopen_sheet(header: Header, at: Checkpoint, chunks: Iterable[bytes]) -> Sheet:
    """Stand at a place of a file that was opened before; ``chunks`` are its bytes from ``at.offset`` on."""
    lines = physical_lines(chunks, offset=at.offset)
    records = Records(lines, header.separator, offset=at.offset, line=at.line)
    return Sheet(header, records, rows=at.rows)
