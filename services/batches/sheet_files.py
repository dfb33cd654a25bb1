"""A sheet that lies on the disk: opened for its rows, and refused in words where it is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from domain.sheets.defaults import RowDefaults
from domain.sheets.errors import EmptySheetError, SheetError
from domain.sheets.interpreting import Interpreter
from domain.sheets.reading import Sheet, open_sheet
from services.refusals import Unprocessable

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SheetFile:
    """A file as it was uploaded."""

    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sheet is: the names of its columns, what stands between its cells, and how many rows it has."""

    names: tuple[str, ...]
    separator: str
    rows: int


@contextmanager
def opened(file: SheetFile) -> Iterator[Sheet]:
    """The sheet for as long as the block runs; what is wrong with it, there too, raises Unprocessable."""
    try:
        with file.path.open("rb") as stream:
            yield open_sheet(iter(partial(stream.read, _CHUNK_BYTES), b""))
    except SheetError as error:
        place = {"line": error.line, "offset": error.offset}
        where = {name: value for name, value in place.items() if value is not None}
        raise Unprocessable(str(error), code=error.code, field="file", **where) from error


def shape(file: SheetFile, defaults: RowDefaults) -> Shape:
    """Read the whole sheet, whatever its rows hold; raises Unprocessable."""
    with opened(file) as sheet:
        # It is checked that every row can have a model.
        Interpreter(sheet.header, defaults)
        return Shape(sheet.header.names, sheet.header.separator, counted(sheet))


def counted(sheet: Sheet) -> int:
    """Go to the end of a sheet, and say how many rows it has; raises SheetError where there are none."""
    for _ in sheet:
        pass
    if not sheet.rows:
        raise EmptySheetError("the file has a header and no rows: write one row for each job below it")
    return sheet.rows
