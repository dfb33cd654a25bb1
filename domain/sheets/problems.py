"""What is wrong with single rows, in words that the one who made the sheet can act on."""

from enum import StrEnum
from typing import NamedTuple

from domain.sheets.limits import MAX_ROW_ID_CHARACTERS


class ProblemCode(StrEnum):
    """What kind of problem a row has."""

    CELL_COUNT = "cell_count"
    NO_COLUMN_NAME = "no_column_name"
    MISSING = "missing"
    INVALID = "invalid"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NOT_ALLOWED = "not_allowed"
    TOO_LONG = "too_long"
    SPREADSHEET_ERROR = "spreadsheet_error"
    ROUNDED = "rounded"
    TURNED_INTO_TIME = "turned_into_time"
    DUPLICATE_ROW_ID = "duplicate_row_id"
    NO_OFFER = "no_offer"


class RowProblem(NamedTuple):
    """One problem of one row: what is wrong (``message``) and what would be right (``expected``).

    ``line`` is the physical line from 1 on, ``row`` the number of the row of data from 0 on; ``column`` is
    called as in the header, and None where the row as a whole is wrong.
    """

    line: int
    row: int
    row_id: str | None
    column: str | None
    code: ProblemCode
    message: str
    expected: str


class CellError(Exception):
    """A cell that cannot be read as what its column holds; ``expected`` where it can be said more closely."""

    def __init__(self, code: ProblemCode, message: str, expected: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.expected = expected


class Report:
    """Collects the problems of one row."""

    __slots__ = ("line", "problems", "row", "row_id")

    def __init__(self, line: int, row: int, row_id: str | None) -> None:
        self.line = line
        self.row = row
        self.row_id = row_id
        self.problems: list[RowProblem] = []

    def add(self, column: str | None, code: ProblemCode, message: str, expected: str) -> None:
        """Note one more problem."""
        shown = self.row_id and self.row_id[:MAX_ROW_ID_CHARACTERS]
        self.problems.append(RowProblem(self.line, self.row, shown, column, code, message, expected))

    def add_first(self, column: str, code: ProblemCode, message: str, expected: str) -> None:
        """Note a problem of a column that has none yet: a cell that cannot be read is not missing, too."""
        if all(problem.column != column for problem in self.problems):
            self.add(column, code, message, expected)
