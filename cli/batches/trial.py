"""What a dry run says of a sheet: which rows are bad and why, and what the good ones may cost."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cli.batches.rendering import counted, price_range, rows
from cli.errors import Failed
from cli.output import Output

_SHOWN_PROBLEMS: Final = 20


def report(trial: Mapping[str, Any], output: Output, *, budget: str | None) -> None:
    """Print the verdict.

    Raises:
        Failed: some of the rows are bad.
    """
    if output.as_json:
        output.json(trial)
    else:
        _tell(trial, output, budget)
    if trial["bad_rows"]:
        bad = f"{trial['bad_rows']:,} of {rows(trial['rows'])} are bad"
        raise Failed(f"{bad}: correct them; without --strict a batch of this sheet runs the others")


def _tell(trial: Mapping[str, Any], output: Output, budget: str | None) -> None:
    output.line(f"{rows(trial['rows'])}: {trial['good_rows']:,} good, {trial['bad_rows']:,} bad")
    problems = trial["problems"]
    if problems:
        output.line()
        output.table(("line", "row id", "column", "problem", "right would be"), _problems(problems))
    more = len(problems) - _SHOWN_PROBLEMS + trial["problems_left_off"]
    if more > 0:
        output.note(f"and {counted(more, 'more problem')}: --json shows the first {len(problems):,} of all")
    estimate = trial["estimate"]
    if estimate["by_offer"]:
        output.line()
        output.table(("model", "provider", "endpoint", "rows", "price"), _prices(estimate))
    output.line(f"nothing was made; all good rows together: {price_range(estimate)}")
    if budget is not None:
        output.line(_fit(trial["fits_budget"], budget))


def _problems(problems: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    for _, problem in zip(range(_SHOWN_PROBLEMS), problems, strict=False):
        yield (
            str(problem["line"]),
            problem["row_id"] or "",
            problem["column"] or "",
            problem["message"],
            problem["expected"] or "",
        )


def _prices(estimate: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for one in estimate["by_offer"]:
        yield one["model"], one["provider"], one["endpoint"], f"{one['rows']:,}", price_range(one)


def _fit(fits: bool | None, budget: str) -> str:  # noqa: FBT001 - the answer's own
    """Whether the budget is enough, as far as that is known."""
    if fits is None:
        return f"whether that fits the budget of ${budget} is not known"
    if fits:
        return f"that fits the budget of ${budget}"
    return f"that may be more than the budget of ${budget}: the batch would pause before it is exceeded"
