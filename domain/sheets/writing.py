"""Tables written as CSV that no spreadsheet takes for formulas, in blocks of bytes."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Final

_BLOCK_CHARACTERS: Final = 65_536
# What begins a formula, also behind space or characters without width, and in full width.
_FORMULA: Final = re.compile(
    r"[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]"
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")


def harmless(cell: str) -> str:
    """The same text, behind an apostrophe where a spreadsheet would take it for a formula; numbers stay."""
    if cell[:1].isalnum() or _FORMULA.match(cell) is None or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def csv_blocks(rows: Iterable[Sequence[str]], *, separator: str = ",") -> Iterator[bytes]:
    """The rows as CSV in UTF-8, every cell quoted, lines ended by CRLF; each block holds whole rows."""
    text = StringIO()
    write = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow
    for row in rows:
        write(map(harmless, row))
        if text.tell() >= _BLOCK_CHARACTERS:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue().encode()
