"""Costs in groups, exact at the moment they are asked for: the sums by day, and what changed since."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.costing import Dimension, Grouping, Sums, tag_of
from storage.costs.lines import DAY_KEYS, MEASURES, TAG_KEYS, lines

Value = str | bool | date | UUID | None

# By the indexes, also where nobody has analyzed the tables: then the planner takes a third of all events for
# what is behind the mark.
_DONE: Final = text("SELECT done_to, set_config('enable_seqscan', 'off', true) FROM cost_mark")
_STATUSES: Final = ("succeeded", "failed", "canceled", "review")
_MONTH: Final = "to_char(day, 'YYYY-MM')"
_FINE: Final = ("batch_id", "tag_name")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which costs are wanted: those of a project's jobs from one day to another, both included.

    ``tag`` is a name and a value. None leaves out no job.
    """

    project_id: UUID
    grouping: Grouping
    first: date | None = None
    last: date | None = None
    provider: str | None = None
    model: str | None = None
    kind: str | None = None
    batch_id: UUID | None = None
    tag: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What the jobs come to that have these values in common, in the order of the grouping."""

    values: tuple[Value, ...]
    sums: Sums


def groups(session: Session, asked: Asked, *, most: int) -> list[Group]:
    """Up to ``most`` groups in the order of their values; exact, in one statement."""
    given = _given(asked)
    # Told the number, the planner knows how few events are behind it. Should it have moved on meanwhile, more
    # jobs than need be are worked out anew, and nothing is wrong for that.
    behind = {"done_to": session.connection().execute(_DONE).one().done_to, "most": most}
    found = session.connection().execute(text(_statement(asked, given)), given | behind)
    width = len(asked.grouping.names)
    return [Group(tuple(row[:width]), Sums(*row[width:])) for row in found]


def _statement(asked: Asked, given: dict[str, object]) -> str:
    fine = asked.grouping.fine or any(name in given for name in _FINE)
    table, share, keys = (
        ("cost_tag_days", "tag_day_id", TAG_KEYS) if fine else ("cost_days", "day_id", DAY_KEYS)
    )
    columns, measures = ", ".join(keys), ", ".join(MEASURES)
    taken_back = ", ".join([*(f"days.{key}" for key in keys), *(f"-share.{one}" for one in MEASURES)])
    names = [_column(name, number) for number, name in enumerate(asked.grouping.names)]
    places = ", ".join(str(number + 1) for number in range(len(names)))
    return f"""
        -- What has moved since, and what is on its way: its share is taken out, and what it comes to put in.
        WITH moved AS MATERIALIZED (
            SELECT job_id FROM job_events WHERE id > :done_to
            UNION SELECT job_id FROM agenda),
        part AS (
            SELECT {columns}, {measures} FROM {table}
            WHERE project_id = :project
            UNION ALL
            SELECT {columns}, {measures}
            FROM ({lines("moved", of_project="project_id = :project")}) AS fresh
            UNION ALL
            SELECT {taken_back}
            FROM moved
                CROSS JOIN LATERAL (
                    SELECT * FROM cost_shares WHERE cost_shares.job_id = moved.job_id OFFSET 0) AS share
                JOIN {table} AS days ON days.id = share.{share}
            WHERE days.project_id = :project)
        SELECT {", ".join([*names, *_sums()])}
        FROM part WHERE {_wanted(given)}
        {f"GROUP BY {places}" if names else ""}
        HAVING {" OR ".join(f"sum({one}) <> 0" for one in MEASURES)}
        {f"ORDER BY {places}" if names else ""} LIMIT :most
    """  # noqa: S608 - made of constants; every value is a parameter


def _given(asked: Asked) -> dict[str, object]:
    tag_name, tag_value = asked.tag or (None, None)
    wanted: dict[str, object] = {
        "project": asked.project_id,
        "first": asked.first,
        "last": asked.last,
        "provider": asked.provider,
        "model": asked.model,
        "kind": asked.kind,
        "batch_id": asked.batch_id,
        "tag_name": tag_name,
        "tag_value": tag_value,
    }
    tags = {f"name_{number}": tag_of(name) for number, name in enumerate(asked.grouping.names)}
    return {name: value for name, value in (wanted | tags).items() if value is not None}


def _wanted(given: dict[str, object]) -> str:
    conditions = {
        "first": "day >= :first",
        "last": "day <= :last",
        "provider": "provider = :provider",
        "model": "model = :model",
        "kind": "kind = :kind",
        "batch_id": "batch_id = :batch_id",
        "tag_name": "tags ->> :tag_name = :tag_value",
    }
    return " AND ".join([condition for name, condition in conditions.items() if name in given] or ["true"])


def _column(name: str, number: int) -> str:
    if tag_of(name) is not None:
        return f"tags ->> CAST(:name_{number} AS text)"
    return _MONTH if name == Dimension.MONTH else Dimension(name).value


def _sums() -> Iterator[str]:
    """The sums as ``domain.costing.Sums`` has them, in its order."""
    for one in fields(Sums):
        if one.name in _STATUSES:
            yield f"CAST(COALESCE(sum(jobs) FILTER (WHERE status = '{one.name}'), 0) AS bigint)"
        else:
            yield f"CAST(COALESCE(sum({one.name}), 0) AS bigint)"
