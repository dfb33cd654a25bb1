"""Queries over budgets: made, changed, held while something is admitted, counted and summed up."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from domain.budgets import Budget, Period, Purse, Scope, Standing
from storage.records import BudgetRecord

# Whoever makes, changes, counts or deletes a budget comes one at a time, so that nobody who holds the ledger
# waits for a budget.
_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('budgets', 0))")
# Who is booking has committed once this is granted, and who books afterwards sees the new budget: so every
# entry is either among those that are counted, or counts itself. It is held for moments, never for a count.
_PATIENCE: Final = text("SET LOCAL lock_timeout = '5s'")
_NOBODY_BOOKS: Final = text("LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE")
_NEWEST_ENTRY: Final = text("SELECT COALESCE(max(id), 0) FROM ledger_entries")
# As the trigger counts, for what was booked before it knew the budget.
_COUNT: Final = text(
    """
    INSERT INTO budget_tallies (budget_id, start, held, spent, summed)
    SELECT budgets.id, budget_start(budgets.period, CAST(timezone('UTC', budgets.created_at) AS date)),
        COALESCE(sum(nano) FILTER (WHERE entries.kind IN ('reserve', 'release')), 0),
        COALESCE(sum(nano) FILTER (WHERE entries.kind NOT IN ('reserve', 'release')), 0), true
    FROM budgets, ledger_entries AS entries, jobs
    WHERE budgets.id = :id AND entries.project_id = budgets.project_id AND entries.id <= budgets.after_entry
        AND entries.at >= timezone('UTC', CAST(budget_start(
            budgets.period, CAST(timezone('UTC', budgets.created_at) AS date)) AS timestamp))
        AND jobs.id = entries.job_id
        AND (budgets.scope = 'project' OR jobs.tags ->> budgets.tag_name = budgets.tag_value)
        AND budget_start(
                budgets.period, CAST(timezone('UTC', COALESCE(jobs.budgeted_at, jobs.created_at)) AS date))
            = budget_start(budgets.period, CAST(timezone('UTC', budgets.created_at) AS date))
    GROUP BY budgets.id
    """
)
_HOLD: Final = text(
    "SELECT * FROM hold_budgets(CAST(:projects AS uuid[]), ARRAY[CAST(timezone('UTC', :now) AS date)])"
)
_STANDINGS: Final = text(
    "SELECT * FROM budget_standings(CAST(:projects AS uuid[]), ARRAY[CAST(timezone('UTC', :now) AS date)])"
)
_TELL: Final = {
    what: text(
        f"UPDATE budgets SET {what} = :start WHERE id = :id AND {what} IS DISTINCT FROM :start RETURNING id"  # noqa: S608 - made of constants
    )
    for what in ("exceeded_in", "warned_in")
}
_WARNING: Final = text(
    """
    SELECT DISTINCT project_id FROM budgets WHERE counted AND warn_permille IS NOT NULL
        AND warned_in IS DISTINCT FROM budget_start(period, CAST(timezone('UTC', :now) AS date))
    """
)
_SUM_UP: Final = text("SELECT sum_up_budgets(:most)")
_FEW: Final = 64


def alone(session: Session) -> None:
    """Be the only one who makes, changes, counts or deletes budgets until the unit of work ends."""
    session.connection().execute(_ALONE)


def same(session: Session, wanted: BudgetRecord) -> BudgetRecord | None:
    """The project's budget for the same jobs and the same period; held until the unit of work ends."""
    found = select(BudgetRecord).where(
        BudgetRecord.project_id == wanted.project_id,
        BudgetRecord.scope == wanted.scope,
        BudgetRecord.tag_name == wanted.tag_name,
        BudgetRecord.tag_value == wanted.tag_value,
        BudgetRecord.period == wanted.period,
    )
    return session.exec(found.with_for_update()).one_or_none()


def one_of_project(session: Session, project_id: UUID, budget_id: UUID) -> BudgetRecord | None:
    """A project's own budget; another project's is None."""
    found = select(BudgetRecord).where(BudgetRecord.id == budget_id, BudgetRecord.project_id == project_id)
    return session.exec(found).one_or_none()


def add(session: Session, wanted: BudgetRecord) -> None:
    """Write a new budget down, to be counted: the database counts what is booked from now on by itself."""
    session.connection().execute(_PATIENCE)
    session.connection().execute(_NOBODY_BOOKS)
    wanted.after_entry = session.connection().execute(_NEWEST_ENTRY).scalar_one()
    session.add(wanted)
    session.flush()


def count(session: Session, budget_id: UUID) -> None:
    """Count what was booked before the budget was made, once: from then on it refuses what does not fit."""
    alone(session)
    record = session.get(BudgetRecord, budget_id, populate_existing=True)
    if record is not None and not record.counted:
        session.connection().execute(_COUNT, {"id": budget_id})
        record.counted = True


def uncounted(session: Session) -> Sequence[UUID]:
    """Budgets whose maker has died before they were counted."""
    return session.exec(select(BudgetRecord.id).where(col(BudgetRecord.counted).is_(False))).all()


def hold(session: Session, projects: Collection[UUID], now: datetime) -> Purse:
    """The budgets of some projects as they stand, held until the unit of work ends."""
    rows = session.connection().execute(_HOLD, {"projects": list(projects), "now": now})
    return Purse(standing_of(row) for row in rows.mappings())


def standings(session: Session, projects: Collection[UUID], now: datetime) -> list[Standing]:
    """How the budgets of some projects stand."""
    rows = session.connection().execute(_STANDINGS, {"projects": list(projects), "now": now})
    return [standing_of(row) for row in rows.mappings()]


def first_told(session: Session, budget_id: UUID, start: date, what: str) -> bool:
    """Note that ``exceeded_in`` or ``warned_in`` is told for a period; False where somebody did before."""
    given = {"id": budget_id, "start": start}
    return session.connection().execute(_TELL[what], given).one_or_none() is not None


def may_warn(session: Session, now: datetime) -> Sequence[UUID]:
    """The projects with a budget that is to warn and has not in this period."""
    return session.connection().execute(_WARNING, {"now": now}).scalars().all()


def sum_up(session: Session) -> None:
    """Put the changes of each busy budget together, so that it stays cheap to read."""
    session.connection().execute(_SUM_UP, {"most": _FEW})


def delete(session: Session, record: BudgetRecord) -> None:
    """Drop a budget; what it has counted goes when changes are summed up, or at once."""
    session.delete(record)
    session.flush()
    session.connection().execute(text("DELETE FROM budget_tallies WHERE budget_id = :id"), {"id": record.id})


def standing_of(row: Mapping[Any, Any]) -> Standing:
    """A row of ``budget_standings`` or ``hold_budgets`` as what it says."""
    tag = (row["tag_name"], row["tag_value"]) if row["scope"] == Scope.TAG else None
    budget = Budget(
        id=UUID(str(row["id"])),
        project_id=UUID(str(row["project_id"])),
        scope=Scope(row["scope"]),
        tag=tag,
        period=Period(row["period"]),
        limit_nano=row["limit_nano"],
        warn_permille=row["warn_permille"],
        created_at=row["created_at"].astimezone(UTC),
    )
    return Standing(budget, row["start"], row["held"], row["spent"], row["exceeded_in"], row["warned_in"])
