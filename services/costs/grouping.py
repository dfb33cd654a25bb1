"""Costs in groups as the API shows them, as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from domain.costing import Sums, together
from domain.money import format_usd
from domain.sheets.writing import csv_blocks
from services.refusals import Unprocessable
from services.runtime import Runtime
from services.views import money
from storage.costs.groups import Asked, Group, Value, groups

MOST: Final = 10_000
_COUNTS: Final = (
    *("n", "succeeded", "failed", "canceled", "review", "open"),
    *("unknown", "not_final", "over_max_cost"),
)
_AMOUNTS: Final = ("spent", "held", "invoiced", "spin_up")


def costs(runtime: Runtime, asked: Asked, *, most: int = MOST) -> dict[str, Any]:
    """The groups in the order of their values, and all of them together.

    Raises:
        Unprocessable: there are more than ``most`` groups.
    """
    found = _found(runtime, asked, most)
    names = asked.grouping.names
    return {
        "object": "costs",
        "group_by": list(names),
        "from": _shown(asked.first),
        "to": _shown(asked.last),
        "time_zone": "UTC",
        "data": [
            {"group": dict(zip(names, map(_shown, one.values), strict=True))} | _view(one.sums)
            for one in found
        ],
        "total": _view(together(one.sums for one in found)),
    }


def costs_csv(runtime: Runtime, asked: Asked, *, most: int = MOST) -> Iterator[bytes]:
    """The same groups as CSV; amounts in dollars, empty where they are not known."""
    return csv_blocks(_table(asked.grouping.names, _found(runtime, asked, most)))


def _found(runtime: Runtime, asked: Asked, most: int) -> list[Group]:
    with runtime.database.work() as session:
        found = groups(session, asked, most=most + 1)
    if len(found) > most:
        raise Unprocessable(
            f"there are more than {most} groups: ask for fewer days with from and to, or group by less",
            code="too_many_groups",
        )
    return found


def _table(names: Sequence[str], found: Sequence[Group]) -> Iterator[Sequence[str]]:
    yield [*names, *_COUNTS, *(f"{name}_usd" for name in _AMOUNTS)]
    for one in found:
        values = ["" if value is None else str(_shown(value)) for value in one.values]
        counts, amounts = _counts(one.sums), _amounts(one.sums)
        dollars = ["" if nano is None else format_usd(nano) for nano in amounts.values()]
        yield [*values, *map(str, counts.values()), *dollars]


def _view(sums: Sums) -> dict[str, Any]:
    return {name: money(nano) for name, nano in _amounts(sums).items()} | _counts(sums)


def _counts(sums: Sums) -> dict[str, int]:
    counts = (sums.jobs, sums.succeeded, sums.failed, sums.canceled, sums.review, sums.open)
    return dict(zip(_COUNTS, (*counts, sums.unknown, sums.not_final, sums.over_max), strict=True))


def _amounts(sums: Sums) -> dict[str, int | None]:
    amounts = (sums.known_spent_nano, sums.held_nano, sums.known_invoiced_nano, sums.spin_up_nano)
    return dict(zip(_AMOUNTS, amounts, strict=True))


def _shown(value: Value) -> str | bool | None:
    return str(value) if isinstance(value, date | UUID) else value
