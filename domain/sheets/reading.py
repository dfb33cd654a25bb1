"""Opening a sheet, and going through its rows."""

from collections.abc import Iterable, Iterator
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


class Sheet:
    """The rows of an open file, each read when it is asked for; empty ones are passed over, uncounted.

    ``rows`` counts those that were read so far.
    """

    def __init__(self, header: Header, records: Records) -> None:
        self.header = header
        self.rows = 0
        self._records = records

    @property
    def offset(self) -> int:
        """How many bytes of the file lie before the next row."""
        return self._records.offset

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        """The next row.

        Raises:
            SheetError: the file cannot be read any further.
        """
        cells = next(self._records)
        number, line = self.rows, self._records.began
        if number == MAX_ROWS:
            raise TooManyRowsError(f"the file has more than {MAX_ROWS:,} rows: split it", line=line)
        self.rows = number + 1
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
