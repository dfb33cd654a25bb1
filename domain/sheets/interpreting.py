"""Rows as job requests: header, defaults and cells together, with everything that is wrong with a row."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from domain.generation import JobRequest
from domain.sheets.columns import Place, columns, expected
from domain.sheets.complaints import complaints
from domain.sheets.damage import refuse_error_value
from domain.sheets.defaults import RowDefaults
from domain.sheets.errors import MissingColumnError
from domain.sheets.header import Header
from domain.sheets.names import place_of
from domain.sheets.problems import CellError, ProblemCode, Report, RowProblem
from domain.sheets.reading import Row
from domain.sheets.row_ids import RowIds

_ONE_CELL_EACH: Final = (
    "one cell for each column of the header; a cell that holds the separator, a line break or a quotation "
    'mark is put between two ", and each " in it is doubled'
)

_Given = dict[Place, dict[str, Any]]


class RowRequest(NamedTuple):
    """The job that a row asks for."""

    row: int
    line: int
    row_id: str | None
    request: JobRequest


class Interpreter:
    """Reads the rows of one sheet in their order: of two rows with the same row id, the second is bad."""

    def __init__(self, header: Header, defaults: RowDefaults) -> None:
        found = tuple(columns(header))
        # As plain tuples, which are quicker to take apart: it is done for every cell.
        self._columns = [(one.position, one.place, one.key, one.name, one.read) for one in found]
        self._names = {(column.place, column.key): column.name for column in found}
        if defaults.model is None and (Place.REQUEST, "model") not in self._names:
            raise MissingColumnError("there is no column model: add one, or give the batch a model")
        self._nameless = [n for n, name in enumerate(header.names) if not name]
        self._width, self._most = header.width, len(header.names)
        self._row_id_at = next((one.position for one in found if one.place is Place.ROW), None)
        self._row_ids = RowIds()
        base = defaults.model_dump(exclude_unset=True)
        self._base: Mapping[str, Any] = {name: value for name, value in base.items() if value is not None}

    def recall(self, row: Row) -> None:
        """Note the row id of a row that was read before, so that no later row takes it again."""
        row_id = self._row_id(row)
        if row_id is not None:
            self._row_ids.first_line(row_id, row.line)

    def read(self, row: Row) -> RowRequest | list[RowProblem]:
        """The job that the row asks for, or all that is wrong with the row."""
        report = Report(row.line, row.number, self._row_id(row))
        if not self._fits(row.cells, report):
            return report.problems
        given = self._given(row.cells, report)
        request = self._request(given, report)
        self._check_row_id(report)
        if request is None or report.problems:
            return report.problems
        return RowRequest(row.number, row.line, report.row_id, request)

    def _row_id(self, row: Row) -> str | None:
        at = self._row_id_at
        return None if at is None or at >= len(row.cells) else row.cells[at].strip() or None

    def _fits(self, cells: list[str], report: Report) -> bool:
        """Whether each cell has its column; otherwise nothing can be said of which cell means what."""
        if len(cells) == self._width and not self._nameless:
            return True
        surplus = any(map(str.strip, cells[self._most :]))
        if surplus or len(cells) < self._width:
            message = f"the row has {len(cells)} cells, the header {self._most if surplus else self._width}"
            report.add(None, ProblemCode.CELL_COUNT, message, _ONE_CELL_EACH)
            return False
        for position in self._nameless:
            if any(map(str.strip, cells[position : position + 1])):
                message = "the cell is filled, but its column has no name"
                report.add(place_of(position), ProblemCode.NO_COLUMN_NAME, message, "a name in the header")
        return True

    def _given(self, cells: list[str], report: Report) -> _Given:
        """What the row's own cells say, each part of the request for itself."""
        given: _Given = {}
        for position, place, key, name, read in self._columns:
            cell = cells[position]
            if not cell or cell.isspace():
                continue
            try:
                # How an error that a spreadsheet shows in a cell begins.
                if cell[0] in "#E":
                    refuse_error_value(cell.strip())
                given.setdefault(place, {})[key] = read(cell)
            except CellError as wrong:
                report.add(name, wrong.code, str(wrong), wrong.expected or expected(place, key))
        return given

    def _request(self, given: _Given, report: Report) -> JobRequest | None:
        body = {**self._base, **given.get(Place.REQUEST, {})}
        body["input"] = self._input(given)
        for place in (Place.ROUTING, Place.TAGS):
            if place in given:
                body[place.value] = {**self._base.get(place, {}), **given[place]}
        try:
            return JobRequest.model_validate(body)
        except ValidationError as refused:
            for fault in complaints(refused):
                name = self._names.get((fault.place, fault.key), fault.key or fault.place.value)
                report.add_first(name, fault.code, fault.message, expected(fault.place, fault.key))
        return None

    def _input(self, given: _Given) -> dict[str, Any]:
        defaults: Mapping[str, Any] = self._base.get(Place.INPUT, {})
        own = given.get(Place.INPUT, {})
        merged = {**defaults, **own}
        if Place.EXTRA in given or ("extra" in own and "extra" in defaults):
            merged["extra"] = {
                **defaults.get("extra", {}),
                **own.get("extra", {}),
                **given.get(Place.EXTRA, {}),
            }
        return merged

    def _check_row_id(self, report: Report) -> None:
        if report.row_id is None:
            return
        first = self._row_ids.first_line(report.row_id, report.line)
        if first != report.line:
            name = self._names[Place.ROW, "row_id"]
            message = f"line {first} has the same row id"
            report.add_first(name, ProblemCode.DUPLICATE_ROW_ID, message, expected(Place.ROW, "row_id"))
