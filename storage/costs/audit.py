"""Every amount of a project against those that it follows from: set by set, read only, as of one moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.costs.budgets_checked import BUDGETS
from storage.costs.lines import MEASURES

FIRST: Final = 5

# All checks see the same books, and none of them can change any.
_ONE_MOMENT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_CHECK: Final = """
    WITH compared AS MATERIALIZED ({compared}),
    wrong AS MATERIALIZED (SELECT * FROM compared WHERE found IS DISTINCT FROM expected)
    SELECT (SELECT count(*) FROM compared) AS checked, (SELECT count(*) FROM wrong) AS wrong,
        (SELECT jsonb_agg(first) FROM (
            SELECT CAST(id AS text) AS id, CAST(found AS text) AS found, CAST(expected AS text) AS expected
            FROM wrong ORDER BY id LIMIT :first) AS first) AS first
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not add up: ``found`` should be ``expected``; nano-dollars, or whatever the check counts."""

    id: str
    found: int
    expected: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that was made: the rule in words, how much was looked at, and what was wrong first."""

    name: str
    rule: str
    checked: int
    wrong: int
    first: Sequence[Finding]


# What each job holds and has spent by its entries; an entry without an attempt is nobody's spending.
_BOOKED: Final = """
    SELECT job_id, COALESCE(sum(nano) FILTER (WHERE kind IN ('reserve', 'release')), 0) AS held,
        COALESCE(sum(nano) FILTER (WHERE kind NOT IN ('reserve', 'release')), 0) AS spent
    FROM ledger_entries WHERE project_id = :project GROUP BY job_id
"""
_ENTRIES: Final = """
    SELECT entries.id, 0 AS found, CAST(
        jobs.project_id <> entries.project_id
        OR entries.kind NOT IN ('reserve', 'release', 'settle', 'adjust')
        OR (entries.kind IN ('settle', 'adjust')) <> (entries.attempt_id IS NOT NULL)
        OR (entries.attempt_id IS NOT NULL AND attempts.job_id IS DISTINCT FROM entries.job_id) AS int
    ) AS expected
    FROM ledger_entries AS entries JOIN jobs ON jobs.id = entries.job_id
        LEFT JOIN attempts ON attempts.id = entries.attempt_id
    WHERE entries.project_id = :project
"""
_HELD: Final = f"""
    SELECT jobs.id, COALESCE(booked.held, 0) AS found, jobs.reserved_nano AS expected
    FROM jobs LEFT JOIN ({_BOOKED}) AS booked ON booked.job_id = jobs.id WHERE jobs.project_id = :project
"""  # noqa: S608 - made of constants
_RELEASED: Final = f"""
    SELECT jobs.id, COALESCE(booked.held, 0) AS found, 0 AS expected
    FROM jobs LEFT JOIN ({_BOOKED}) AS booked ON booked.job_id = jobs.id
    WHERE jobs.project_id = :project AND jobs.status IN ('succeeded', 'failed', 'canceled')
        AND (jobs.reserved_nano = 0 OR NOT EXISTS (
            SELECT FROM attempts WHERE attempts.job_id = jobs.id AND attempts.cost_nano IS NULL))
"""  # noqa: S608 - made of constants
_ATTEMPTS: Final = """
    SELECT attempts.id, COALESCE(booked.spent, 0) AS found, COALESCE(attempts.cost_nano, 0) AS expected
    FROM attempts JOIN jobs ON jobs.id = attempts.job_id
        LEFT JOIN (
            SELECT attempt_id, sum(nano) AS spent FROM ledger_entries
            WHERE project_id = :project AND kind IN ('settle', 'adjust') GROUP BY attempt_id) AS booked
        ON booked.attempt_id = attempts.id
    WHERE jobs.project_id = :project
"""
_JOBS: Final = """
    SELECT jobs.id, COALESCE(jobs.cost_nano, -1) AS found,
        CASE WHEN tried.tries <> tried.priced THEN -1 ELSE COALESCE(tried.nano, 0) END AS expected
    FROM jobs LEFT JOIN (
        SELECT job_id, count(*) AS tries, count(attempts.cost_nano) AS priced, sum(attempts.cost_nano) AS nano
        FROM attempts JOIN jobs ON jobs.id = attempts.job_id AND jobs.project_id = :project
        GROUP BY job_id) AS tried ON tried.job_id = jobs.id
    WHERE jobs.project_id = :project AND jobs.status IN ('succeeded', 'failed', 'canceled')
"""
# What has moved since is summed from the ledger itself whenever it is asked for.
_SHARES: Final = f"""
    SELECT COALESCE(booked.job_id, shares.job_id) AS id,
        COALESCE(shares.held, 0) + COALESCE(shares.spent, 0) AS found,
        COALESCE(booked.held, 0) + COALESCE(booked.spent, 0) AS expected
    FROM ({_BOOKED}) AS booked
        FULL JOIN (
            SELECT job_id, sum(cost_shares.held_nano) AS held, sum(cost_shares.spent_nano) AS spent
            FROM cost_shares JOIN cost_days ON cost_days.id = cost_shares.day_id
            WHERE cost_days.project_id = :project GROUP BY job_id) AS shares ON shares.job_id = booked.job_id
    WHERE NOT EXISTS (
        SELECT FROM (
            SELECT job_id FROM job_events WHERE id > (SELECT done_to FROM cost_mark)
            UNION SELECT job_id FROM agenda) AS moved
        WHERE moved.job_id = COALESCE(booked.job_id, shares.job_id))
"""  # noqa: S608 - made of constants


def _days(table: str, share: str) -> str:
    """Every sum of a day against the shares of its jobs; one number, since any difference is one too many."""
    all_of = " + ".join(f"abs({table}.{name} - COALESCE(shares.{name}, 0))" for name in MEASURES)
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    return f"""
        SELECT {table}.id, {all_of} AS found, 0 AS expected
        FROM {table} LEFT JOIN (SELECT {share} AS id, {sums} FROM cost_shares GROUP BY {share}) AS shares
            ON shares.id = {table}.id
        WHERE {table}.project_id = :project
    """  # noqa: S608 - made of constants


_BATCHES: Final = """
    SELECT batches.id, COALESCE(tallied.nano, 0) AS found, COALESCE(booked.nano, 0) AS expected
    FROM batches
        LEFT JOIN (
            SELECT batch_id, sum(n) AS nano FROM batch_tallies WHERE what = '{what}' GROUP BY batch_id
        ) AS tallied ON tallied.batch_id = batches.id
        LEFT JOIN (
            SELECT jobs.batch_id, sum(entries.nano) AS nano
            FROM ledger_entries AS entries JOIN jobs ON jobs.id = entries.job_id
            WHERE entries.project_id = :project AND jobs.batch_id IS NOT NULL AND entries.kind IN ({kinds})
            GROUP BY jobs.batch_id
        ) AS booked ON booked.batch_id = batches.id
    WHERE batches.project_id = :project
"""
_CHECKS: Final = (
    ("entries", "every entry is of a known kind, and of its own project, job and attempt", _ENTRIES),
    ("held", "reserve and release of a job come to what it holds", _HELD),
    ("released", "a job that is over and of known cost holds nothing", _RELEASED),
    (
        "attempts",
        "settle and adjust of an attempt come to what it cost, or to nothing while unknown",
        _ATTEMPTS,
    ),
    ("jobs", "a job that is over cost what its attempts did; -1 stands for not known", _JOBS),
    ("shares", "what the costs by day hold of a job is what the ledger does", _SHARES),
    ("days", "the costs by day are the sums of their jobs", _days("cost_days", "day_id")),
    ("tags", "the costs by day and tag are the sums of their jobs", _days("cost_tag_days", "tag_day_id")),
    (
        "batches_held",
        "what a batch holds is what its jobs do",
        _BATCHES.format(what="held", kinds="'reserve', 'release'"),
    ),
    (
        "batches_spent",
        "what a batch has spent is what its jobs have",
        _BATCHES.format(what="spent", kinds="'settle', 'adjust'"),
    ),
    ("budgets", "a budget has counted what was booked for the jobs that it covers", BUDGETS),
)


def run(session: Session, project_id: UUID) -> list[Checked]:
    """Make every check of a project's books; the first thing that this unit of work does."""
    session.connection().execute(_ONE_MOMENT)
    return list(_made(session, project_id))


def _made(session: Session, project_id: UUID) -> Iterator[Checked]:
    for name, rule, compared in _CHECKS:
        statement = text(_CHECK.format(compared=compared))
        row = session.connection().execute(statement, {"project": project_id, "first": FIRST}).one()
        first = [Finding(one["id"], int(one["found"]), int(one["expected"])) for one in row.first or ()]
        yield Checked(name, rule, row.checked, row.wrong, first)
