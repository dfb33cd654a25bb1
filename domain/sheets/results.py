"""What became of a sheet's rows: results as CSV and as JSON lines, and the problems of bad rows as CSV."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

from domain.sheets.problems import RowProblem
from domain.sheets.writing import csv_blocks

_BLOCK_CHARACTERS: Final = 65_536
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
    """The cells of the customer's own columns by their names, and what became of the row."""

    own: Mapping[str, str]
    outcome: Outcome


def results_csv(names: Sequence[str], rows: Iterable[ResultRow], *, separator: str = ",") -> Iterator[bytes]:
    """The customer's columns in this order, then ours, in blocks of CSV; the sheet's own separator is best.

    Where a column of the customer's is called as one of ours, ours becomes ``darkroom_status`` and so on.
    Several asset URLs stand in one cell with a space between them.
    """
    return csv_blocks(_table(names, rows), separator=separator)


def results_jsonl(rows: Iterable[ResultRow]) -> Iterator[bytes]:
    """One JSON object a line in blocks: the customer's cells as text under ``row``, ours with their types."""
    block: list[str] = []
    size = 0
    for row in rows:
        record = {"row": dict(row.own), **{name: row.outcome.get(name) for name in OUTCOME_COLUMNS}}
        line = _ENCODER.encode(record)
        block.append(line)
        size += len(line)
        if size >= _BLOCK_CHARACTERS:
            yield _lines(block)
            block, size = [], 0
    if block:
        yield _lines(block)


def problems_csv(problems: Iterable[RowProblem], *, separator: str = ",") -> Iterator[bytes]:
    """One line for each problem, in blocks of CSV; the rows are counted from 0, the lines from 1."""
    return csv_blocks(_problem_table(problems), separator=separator)


def outcome_names(own: Iterable[str]) -> list[str]:
    """What our columns are called beside the customer's: the same name is never there twice."""
    taken = {name.strip().casefold() for name in own}
    return [_free(name, taken) for name in OUTCOME_COLUMNS]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{_PREFIX}{name}"
    return name


def _table(names: Sequence[str], rows: Iterable[ResultRow]) -> Iterator[Sequence[str]]:
    yield [*names, *outcome_names(names)]
    for own, outcome in rows:
        cells = [own.get(name, "") for name in names]
        cells += [_cell(outcome.get(name)) for name in OUTCOME_COLUMNS]
        yield cells


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return " ".join(value)
    return "" if value is None else str(value)


def _problem_table(problems: Iterable[RowProblem]) -> Iterator[Sequence[str]]:
    yield RowProblem._fields
    for problem in problems:
        yield [_cell(value) for value in problem]


def _lines(block: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in block).encode()


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
