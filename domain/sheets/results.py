"""What became of a sheet's rows: results, and what went wrong, each as CSV and as JSON lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

from domain.sheets.writing import csv_blocks, json_blocks

_PREFIX: Final = "darkroom_"


class Outcome(TypedDict, total=False):
    """What is ours in a row of results; what is not known yet is None or left out."""

    job_id: str | None
    status: str | None
    provider: str | None
    cost_usd: str | None
    total_seconds: float | None
    asset_urls: Sequence[str]
    error_code: str | None
    error_message: str | None


OUTCOME_COLUMNS: Final = tuple(Outcome.__annotations__)


class ResultRow(NamedTuple):
    """The customer's own cells by their columns' names, what became of the row, and its number from 0 on."""

    own: Mapping[str, str]
    outcome: Outcome
    number: int


class RowError(NamedTuple):
    """Why a row was not run, or did not succeed; ``line`` and ``row`` count from 1 on.

    ``expected`` is what would be right. A row that was not run has no job, and so no status.
    """

    line: int
    row: int
    column: str | None
    code: str
    message: str
    expected: str | None = None
    job_id: str | None = None
    status: str | None = None


class ErrorRow(NamedTuple):
    """A row's cells as they stand in the sheet, and one of its errors."""

    own: Sequence[str]
    error: RowError


def results_csv(names: Sequence[str], rows: Iterable[ResultRow], *, separator: str = ",") -> Iterator[bytes]:
    """The customer's columns in this order, then ours, in blocks of CSV; the sheet's own separator is best.

    Where a column of the customer's is called as one of ours, ours becomes ``darkroom_status`` and so on.
    Several asset URLs stand in one cell with a space between them.
    """
    return csv_blocks(_table(names, rows), separator=separator)


def results_jsonl(rows: Iterable[ResultRow]) -> Iterator[bytes]:
    """One JSON object a line in blocks: the customer's cells as text under ``row``, ours with their types.

    ``row_number`` counts the rows of the sheet from 1 on, bad ones included.
    """
    return json_blocks(map(_result, rows))


def errors_csv(names: Sequence[str], rows: Iterable[ErrorRow], *, separator: str = ",") -> Iterator[bytes]:
    """One line for each error, in blocks of CSV: the row as it stands in the sheet, then what is wrong.

    Cells beyond the last column have no name to go under, and are left out.
    """
    return csv_blocks(_error_table(names, rows), separator=separator)


def errors_jsonl(names: Sequence[str], rows: Iterable[ErrorRow]) -> Iterator[bytes]:
    """One JSON object a line for each error, in blocks: the row's cells as text under ``row``, then the rest.

    ``row_number`` counts the rows of the sheet from 1 on. Cells beyond the last column have no name.
    """
    return json_blocks(_error(names, row) for row in rows)


def our_names(own: Iterable[str], ours: Iterable[str]) -> list[str]:
    """What our columns are called beside the customer's: the same name is never there twice."""
    taken = {name.strip().casefold() for name in own}
    return [_free(name, taken) for name in ours]


def _result(row: ResultRow) -> dict[str, object]:
    ours = {name: row.outcome.get(name) for name in OUTCOME_COLUMNS}
    return {"row_number": row.number + 1, "row": row.own, **ours}


def _error(names: Sequence[str], row: ErrorRow) -> dict[str, object]:
    own = {name: cell for name, cell in zip(names, row.own, strict=False) if name}
    told = row.error._asdict()
    return {"row_number": told.pop("row"), "line": told.pop("line"), "row": own, **told}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{_PREFIX}{name}"
    return name


def _table(names: Sequence[str], rows: Iterable[ResultRow]) -> Iterator[Sequence[str]]:
    yield [*names, *our_names(names, OUTCOME_COLUMNS)]
    for own, outcome, _ in rows:
        cells = [own.get(name, "") for name in names]
        cells += [_cell(outcome.get(name)) for name in OUTCOME_COLUMNS]
        yield cells


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return " ".join(value)
    return "" if value is None else str(value)


def _error_table(names: Sequence[str], rows: Iterable[ErrorRow]) -> Iterator[Sequence[str]]:
    yield [*names, *our_names(names, RowError._fields)]
    width = len(names)
    for own, error in rows:
        missing = [""] * (width - len(own))
        yield [*own[:width], *missing, *map(_cell, error)]
