"""Budgets of projects and tags, counted by the database itself as entries are booked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)

_START = """
CREATE FUNCTION budget_start(period varchar, day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE period WHEN 'day' THEN day
        WHEN 'month' THEN CAST(date_trunc('month', CAST(day AS timestamp)) AS date)
        ELSE DATE '1970-01-01' END
$$
"""
# An entry counts in the period in which its job was reserved. Who has no budgets pays one look at an empty
# table for each statement that books, however many entries.
_COUNT = """
CREATE FUNCTION tally_budgets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM budgets) THEN
        RETURN NULL;
    END IF;
    INSERT INTO budget_tallies (budget_id, start, held, spent, summed)
    SELECT budgets.id,
        budget_start(budgets.period,
            CAST(timezone('UTC', COALESCE(jobs.budgeted_at, jobs.created_at)) AS date)) AS start,
        sum(CASE WHEN fresh.kind IN ('reserve', 'release') THEN fresh.nano ELSE 0 END),
        sum(CASE WHEN fresh.kind IN ('reserve', 'release') THEN 0 ELSE fresh.nano END), false
    FROM fresh JOIN jobs ON jobs.id = fresh.job_id
        JOIN budgets ON budgets.project_id = jobs.project_id
            AND (budgets.scope = 'project' OR jobs.tags ->> budgets.tag_name = budgets.tag_value)
    GROUP BY budgets.id, 2;
    RETURN NULL;
END $$
"""
_TRIGGER = (
    "CREATE TRIGGER ledger_entries_budgets AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION tally_budgets()"
)
_STANDINGS = """
CREATE FUNCTION budget_standings(projects uuid[], days date[]) RETURNS TABLE (
    id uuid, project_id uuid, scope varchar, tag_name varchar, tag_value varchar, period varchar,
    limit_nano bigint, warn_permille int, exceeded_in date, warned_in date, created_at timestamptz,
    start date, held bigint, spent bigint)
LANGUAGE sql STABLE AS $$
    SELECT budgets.id, budgets.project_id, budgets.scope, budgets.tag_name, budgets.tag_value, budgets.period,
        budgets.limit_nano, budgets.warn_permille, budgets.exceeded_in, budgets.warned_in, budgets.created_at,
        periods.start, CAST(COALESCE(sum(tallies.held), 0) AS bigint),
        CAST(COALESCE(sum(tallies.spent), 0) AS bigint)
    FROM budgets
        CROSS JOIN LATERAL (
            SELECT DISTINCT budget_start(budgets.period, day) AS start
            FROM unnest(days) AS one(day)) AS periods
        LEFT JOIN budget_tallies AS tallies
            ON tallies.budget_id = budgets.id AND tallies.start = periods.start
    WHERE budgets.project_id = ANY(projects) AND budgets.counted
    GROUP BY budgets.id, periods.start ORDER BY budgets.id, periods.start
$$
"""
# Held first and read in a statement of its own: what those who held them before have written is seen then.
_HOLD = """
CREATE FUNCTION hold_budgets(projects uuid[], days date[]) RETURNS TABLE (
    id uuid, project_id uuid, scope varchar, tag_name varchar, tag_value varchar, period varchar,
    limit_nano bigint, warn_permille int, exceeded_in date, warned_in date, created_at timestamptz,
    start date, held bigint, spent bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM budgets WHERE budgets.project_id = ANY(projects) ORDER BY budgets.id FOR UPDATE;
    IF FOUND THEN
        RETURN QUERY SELECT * FROM budget_standings(projects, days);
    END IF;
END $$
"""
# What others append meanwhile is neither seen nor lost: only what was deleted is summed. One does it at a
# time, and nobody waits for that.
_SUM_UP = """
CREATE FUNCTION sum_up_budgets(most int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('budget tallies', 0)) THEN
        RETURN;
    END IF;
    DELETE FROM budget_tallies WHERE NOT summed AND budget_id NOT IN (SELECT id FROM budgets);
    WITH many AS (
        SELECT budget_id, start FROM budget_tallies WHERE NOT summed
        GROUP BY budget_id, start HAVING count(*) > most),
    gone AS (
        DELETE FROM budget_tallies USING many
        WHERE budget_tallies.budget_id = many.budget_id AND budget_tallies.start = many.start
        RETURNING budget_tallies.*)
    INSERT INTO budget_tallies (budget_id, start, held, spent, summed)
    SELECT budget_id, start, sum(held), sum(spent), true FROM gone GROUP BY budget_id, start;
END $$
"""
# Whether new jobs fit all together, which they mostly do: asked within the very statement that writes them.
# What it holds, it holds until that is committed; what it reads is newer than the statement's own snapshot.
_COVER = """
CREATE FUNCTION budgets_cover(
    projects uuid[], tags jsonb[], nanos bigint[], known bool[], times timestamptz[])
RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM budgets WHERE budgets.project_id = ANY(projects) ORDER BY budgets.id FOR UPDATE;
    IF (SELECT count(*) FROM budget_tallies WHERE NOT summed
            AND budget_id IN (SELECT id FROM budgets WHERE budgets.project_id = ANY(projects))) > 256 THEN
        PERFORM sum_up_budgets(64);
    END IF;
    RETURN NOT EXISTS (
        SELECT FROM (
            SELECT budgets.id, budgets.limit_nano - CASE WHEN bool_and(new.known) THEN 0 ELSE 1 END AS most,
                budget_start(budgets.period, CAST(timezone('UTC', new.at) AS date)) AS start,
                sum(new.nano) AS nano
            FROM unnest(projects, tags, nanos, known, times) AS new (project_id, tags, nano, known, at)
                JOIN budgets ON budgets.project_id = new.project_id AND budgets.counted
                    AND (budgets.scope = 'project' OR new.tags ->> budgets.tag_name = budgets.tag_value)
            GROUP BY budgets.id, 3) AS asked
        WHERE asked.most < asked.nano + (
            SELECT COALESCE(sum(tallies.held + tallies.spent), 0) FROM budget_tallies AS tallies
            WHERE tallies.budget_id = asked.id AND tallies.start = asked.start));
END $$
"""


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("jobs", sa.Column("budgeted_at", _TIME, nullable=True))
    op.add_column("batches", sa.Column("waiting_budget", sa.Uuid(), nullable=True))
    op.create_table(
        "budgets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("tag_name", sa.String(), nullable=False),
        sa.Column("tag_value", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("limit_nano", sa.BigInteger(), nullable=False),
        sa.Column("warn_permille", sa.Integer(), nullable=True),
        sa.Column("warned_in", sa.Date(), nullable=True),
        sa.Column("exceeded_in", sa.Date(), nullable=True),
        sa.Column("after_entry", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    columns = ["project_id", "scope", "tag_name", "tag_value", "period"]
    op.create_index("budgets_by_project", "budgets", columns, unique=True)
    op.create_table(
        "budget_tallies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("summed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("budget_tallies_by_budget", "budget_tallies", ["budget_id", "start"])
    op.create_index(
        "budget_tallies_fresh",
        "budget_tallies",
        ["budget_id", "start"],
        postgresql_where=sa.text("NOT summed"),
    )
    for statement in (_START, _COUNT, _TRIGGER, _STANDINGS, _HOLD, _SUM_UP, _COVER):
        op.execute(statement)


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TRIGGER ledger_entries_budgets ON ledger_entries")
    op.execute("DROP FUNCTION tally_budgets()")
    op.execute("DROP FUNCTION budgets_cover(uuid[], jsonb[], bigint[], bool[], timestamptz[])")
    op.execute("DROP FUNCTION sum_up_budgets(int)")
    for name in ("hold_budgets", "budget_standings"):
        op.execute(f"DROP FUNCTION {name}(uuid[], date[])")
    op.execute("DROP FUNCTION budget_start(varchar, date)")
    op.drop_table("budget_tallies")
    op.drop_table("budgets")
    op.drop_column("batches", "waiting_budget")
    op.drop_column("jobs", "budgeted_at")
