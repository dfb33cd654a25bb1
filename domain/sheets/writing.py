"""Tables as CSV that no spreadsheet takes for formulas, and records as lines of JSON, in blocks of bytes."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def json_blocks(records: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """The records as JSON in UTF-8, an object a line; each block holds whole lines."""
    block: list[str] = []
    size = 0
    for record in records:
        line = _ENCODER.encode(record)
        block.append(line)
        size += len(line)
        if size >= _BLOCK_CHARACTERS:
            yield _lines(block)
            block, size = [], 0
    if block:
        yield _lines(block)


def _lines(block: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in block).encode()


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
