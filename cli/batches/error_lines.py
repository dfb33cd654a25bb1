"""A batch's errors as JSON: the CSV that Darkroom sends, taken apart again."""

import re
from codecs import iterdecode
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cli.errors import Unreachable
from domain.sheets.records import cells_of
from domain.sheets.results import RowError

# The header ends with our own last column, every cell in quotes: what stands before it separates cells.
_HEADER_END: Final = re.compile(r'([,;\t])"(?:darkroom_)*status"\r?\n$')
_COUNTS: Final = frozenset({"line", "row"})
_WIDTH: Final = len(RowError._fields)


def error_lines(blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """An object for each error; as in JSON results, the customer's own cells are under ``row``.

    Raises:
        Unreachable: that is no table of errors.
    """
    lines = _lines(iterdecode(blocks, "utf-8"))
    header, separator = _header(lines)
    [names] = cells_of(header, separator)
    for cells in cells_of(lines, separator):
        error = dict(zip(RowError._fields, cells[-_WIDTH:], strict=True))
        own = dict(zip(names[:-_WIDTH], cells[:-_WIDTH], strict=True))
        told = {name: cell or None for name, cell in error.items() if name not in _COUNTS}
        yield {"row_number": int(error["row"]), "line": int(error["line"]), "row": own, **told}


def _header(lines: Iterator[str]) -> tuple[list[str], str]:
    """The lines of the header, and what separates cells."""
    header = []
    for line in lines:
        header.append(line)
        if found := _HEADER_END.search(line):
            return header, found[1]
    raise Unreachable("Darkroom sent errors without the columns that this command knows: update it")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines with their ends; only a line feed ends one, for a cell may hold whatever else does."""
    left = ""
    for text in texts:
        *whole, left = (left + text).split("\n")
        for line in whole:
            yield f"{line}\n"
    if left:
        yield left
