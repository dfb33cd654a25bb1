"""Batches: their rows, what is wrong with them, and counts that the database keeps as jobs move."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
_TIME = sa.DateTime(timezone=True)

# A statement that moves many jobs writes few changes; one that moves no job of a batch writes none.
_COUNT_NEW = """
CREATE FUNCTION tally_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_tallies (batch_id, what, n)
    SELECT batch_id, status, count(*) FROM fresh WHERE batch_id IS NOT NULL GROUP BY batch_id, status;
    RETURN NULL;
END $$
"""
_COUNT_MOVED = """
CREATE FUNCTION tally_moved_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_tallies (batch_id, what, n)
    -- Not joined: by a plan that was made for one row, a join of thousands takes seconds.
    SELECT batch_id, status, sum(n) FROM (
        SELECT batch_id, status, 1 AS n FROM fresh WHERE batch_id IS NOT NULL
        UNION ALL
        SELECT batch_id, status, -1 FROM stale WHERE batch_id IS NOT NULL) AS moved
    GROUP BY batch_id, status HAVING sum(n) <> 0;
    RETURN NULL;
END $$
"""
_COUNT_MONEY = """
CREATE FUNCTION tally_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_tallies (batch_id, what, n)
    SELECT jobs.batch_id, CASE WHEN fresh.kind IN ('reserve', 'release') THEN 'held' ELSE 'spent' END AS what,
        sum(fresh.nano)
    FROM fresh JOIN jobs ON jobs.id = fresh.job_id WHERE jobs.batch_id IS NOT NULL
    GROUP BY jobs.batch_id, what HAVING sum(fresh.nano) <> 0;
    RETURN NULL;
END $$
"""
_TRIGGERS = (
    "CREATE TRIGGER jobs_tally_new AFTER INSERT ON jobs REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION tally_new_jobs()",
    "CREATE TRIGGER jobs_tally_moved AFTER UPDATE ON jobs "
    "REFERENCING OLD TABLE AS stale NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION tally_moved_jobs()",
    "CREATE TRIGGER ledger_entries_tally AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION tally_ledger_entries()",
)


def upgrade() -> None:
    """Apply the revision."""
    _create_tables()
    op.add_column("jobs", sa.Column("row_number", sa.Integer(), nullable=True))
    op.drop_index("jobs_by_batch", table_name="jobs")
    op.create_index(
        "jobs_by_batch",
        "jobs",
        ["batch_id", "row_number"],
        unique=True,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.add_column("events", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("events_batch_id_fkey", "events", "batches", ["batch_id"], ["id"])
    op.add_column("agenda", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.create_index(
        "agenda_by_batch", "agenda", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    # Between two priorities there is now a place for the rows of batches.
    op.execute("UPDATE agenda SET priority = 2 * priority")
    for statement in (_COUNT_NEW, _COUNT_MOVED, _COUNT_MONEY, *_TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TRIGGER ledger_entries_tally ON ledger_entries")
    op.execute("DROP TRIGGER jobs_tally_moved ON jobs")
    op.execute("DROP TRIGGER jobs_tally_new ON jobs")
    for name in ("tally_ledger_entries", "tally_moved_jobs", "tally_new_jobs"):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("UPDATE agenda SET priority = priority / 2")
    op.drop_index("agenda_by_batch", table_name="agenda")
    op.drop_column("agenda", "batch_id")
    op.drop_column("events", "batch_id")
    op.drop_index("jobs_by_batch", table_name="jobs")
    op.create_index(
        "jobs_by_batch", "jobs", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.drop_column("jobs", "row_number")
    for name in ("batch_tallies", "batch_problems", "batch_waits", "batches"):
        op.drop_table(name)


def _create_tables() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("defaults", _JSON, nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("callback_url", sa.String(), nullable=True),
        sa.Column("strict", sa.Boolean(), nullable=False),
        sa.Column("budget_nano", sa.BigInteger(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("file_key", sa.String(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("header", _JSON, nullable=False),
        sa.Column("separator", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("read_rows", sa.Integer(), nullable=False),
        sa.Column("bad_rows", sa.Integer(), nullable=False),
        sa.Column("quotes", _JSON, nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("read_at", _TIME, nullable=True),
        sa.Column("first_sent_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batches_by_project", "batches", ["project_id", sa.text("id DESC")])
    op.create_index("batches_by_key", "batches", ["project_id", "idempotency_key"], unique=True)
    op.create_index("batches_due", "batches", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_index("batches_open", "batches", ["id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "batch_waits",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("held_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "row_number"),
    )
    op.create_index("ix_batch_waits_job_id", "batch_waits", ["job_id"])
    op.create_index(
        "batch_waits_by_lane", "batch_waits", ["batch_id", "provider", "endpoint", "row_number"]
    )
    op.create_table(
        "batch_problems",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.String(), nullable=True),
        sa.Column("column_name", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "row_number", "n"),
    )
    op.create_table(
        "batch_tallies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batch_tallies_by_batch", "batch_tallies", ["batch_id"])
