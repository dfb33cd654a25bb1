"""The header of a sheet: which character separates the cells, and what the columns are called."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import whitespace
from typing import Final, Self

from domain.sheets.errors import DuplicateColumnError, EmptySheetError, MissingColumnError, SeparatorError
from domain.sheets.names import column_key, place_of, shortened
from domain.sheets.records import cells_of

SEPARATORS: Final = (",", ";", "\t")
_BLANKS: Final = "".join(SEPARATORS) + whitespace
_SAMPLE_BYTES: Final = 65_536
_MOST_SHOWN: Final = 20
# Written by Excel, and read by nothing else.
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns' names as written, without the space around them; the nameless one is ``""``."""

    names: tuple[str, ...]
    separator: str

    @classmethod
    def of(cls, cells: Sequence[str] | None, separator: str, *, line: int) -> Self:
        """The header that these cells make; None where the file has none.

        Raises:
            HeaderError: no header, a name twice, or no column ``prompt``.
        """
        if cells is None:
            raise EmptySheetError("the file is empty: its first line has to name the columns, such as prompt")
        names = tuple(cell.strip() for cell in cells)
        _refuse_duplicates(names, line)
        if "prompt" not in map(column_key, names):
            raise MissingColumnError(f"there is no column prompt: the header has {_list(names)}", line=line)
        return cls(names, separator)

    @property
    def width(self) -> int:
        """How many cells a row has at least: up to the last column that has a name."""
        return max(number for number, name in enumerate(self.names, 1) if name)


def named_separator(line: bytes) -> str | None:
    """What a first line such as ``sep=;`` says; None where it is any other line.

    Raises:
        SeparatorError: it names none of comma, semicolon and tab.
    """
    found = _SEPARATOR_LINE.fullmatch(line.decode(errors="replace"))
    if found is None:
        return None
    if found[1] not in SEPARATORS:
        raise SeparatorError(
            f"the first line names {found[1]!r} as the separator: use a comma, a semicolon or a tab", line=1
        )
    return found[1]


def sample(lines: Iterable[bytes]) -> list[bytes]:
    """Lines from the beginning, as many as are likely to hold the whole header."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if size >= _SAMPLE_BYTES:
            break
    return taken


def separator_of(lines: Sequence[bytes]) -> str:
    """The separator with which the header names a column ``prompt``, or else the most columns."""
    texts = [line.decode(errors="replace") for line in lines]
    return max(SEPARATORS, key=lambda separator: _fit(_first_record(texts, separator)))


def _first_record(texts: Sequence[str], separator: str) -> list[str]:
    records = cells_of(texts, separator)
    # A row of separators alone is empty, whichever of them is meant.
    return next((cells for cells in records if "".join(cells).strip(_BLANKS)), [])


def _fit(names: Sequence[str]) -> tuple[bool, int]:
    return "prompt" in map(column_key, names), len(names)


def _list(names: Sequence[str]) -> str:
    found = [shortened(name) for name in names if name]
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return f"{', '.join(found[:_MOST_SHOWN])}{more}"


def _refuse_duplicates(names: Sequence[str], line: int) -> None:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        earlier = first.setdefault(column_key(name), number)
        if name and earlier != number:
            raise DuplicateColumnError(
                f"{place_of(number)} and {place_of(earlier)} are both called {shortened(name)}: rename one",
                line=line,
            )
