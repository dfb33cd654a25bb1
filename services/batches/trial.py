"""A dry run: the verdict on every row of a sheet and what the good ones may cost; nothing is kept."""

from typing import Any, Final

from domain.sheets.interpreting import Interpreter
from domain.sheets.problems import RowProblem
from services.batches.estimate import Estimate
from services.batches.rows import RowPlanner
from services.batches.sheet_files import SheetFile, counted, opened
from services.batches.uploading import Order, check_callback
from services.batches.views import range_view
from services.prices.knowing import known_of
from services.runtime import Runtime
from services.views import money
from storage import prices

MOST_PROBLEMS: Final = 1_000


class _Verdict:
    """Counts the rows that cannot run, and keeps the first problems."""

    def __init__(self) -> None:
        self.bad_rows = 0
        self.problems: list[RowProblem] = []
        self.left_off = 0

    def add(self, problems: list[RowProblem]) -> None:
        """Count a row that has these problems."""
        self.bad_rows += 1
        room = max(MOST_PROBLEMS - len(self.problems), 0)
        self.problems += problems[:room]
        self.left_off += len(problems[room:])


def trial(runtime: Runtime, order: Order, file: SheetFile) -> dict[str, Any]:
    """What would become of a sheet's rows, by the prices that are known now.

    Raises:
        Unprocessable: the file cannot be read, or the order is wrong.
    """
    check_callback(runtime, order.callback_url)
    with runtime.database.work() as session:
        known = known_of(runtime, prices.knowledge(session))
    verdict = _Verdict()
    with opened(file) as sheet:
        interpreter = Interpreter(sheet.header, order.defaults)
        planner = RowPlanner(runtime, sheet.header, known=known)
        for row in sheet:
            read = interpreter.read(row)
            planned = read if isinstance(read, list) else planner.plan(read)
            if isinstance(planned, list):
                verdict.add(planned)
        rows = counted(sheet)
    return {
        "object": "trial",
        "dry_run": True,
        "rows": rows,
        "good_rows": rows - verdict.bad_rows,
        "bad_rows": verdict.bad_rows,
        "problems": [_problem_view(problem) for problem in verdict.problems],
        "problems_left_off": verdict.left_off,
        "estimate": _estimate_view(planner.estimate),
        "budget": money(order.budget_nano),
        "fits_budget": planner.estimate.total.fits(order.budget_nano),
    }


def _problem_view(problem: RowProblem) -> dict[str, Any]:
    # Rows are counted from 1 wherever somebody sees them.
    return problem._asdict() | {"row": problem.row + 1, "code": problem.code.value}


def _estimate_view(estimate: Estimate) -> dict[str, Any]:
    by_offer = [
        {"model": one.model, "provider": one.provider, "endpoint": one.endpoint, "rows": one.range.rows}
        | range_view(one.range)
        for one in estimate.by_offer()
    ]
    return range_view(estimate.total) | {"by_offer": by_offer}
