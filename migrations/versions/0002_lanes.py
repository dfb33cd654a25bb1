"""Lanes, deadlines, and what reconciling needs to know of an attempt."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "lanes",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.String(), nullable=True),
        sa.Column("troubles", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hook_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("took", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("started", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("submit_tokens", sa.Float(), nullable=True),
        sa.Column("submit_tokens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_tokens", sa.Float(), nullable=True),
        sa.Column("look_tokens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marker_refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "endpoint"),
    )
    op.add_column("jobs", sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "jobs_by_deadline",
        "jobs",
        ["deadline_at"],
        postgresql_where=sa.text("deadline_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.add_column("attempts", sa.Column("start_timeout", sa.Integer(), nullable=True))
    op.add_column(
        "attempts", sa.Column("marked", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.alter_column("attempts", "marked", server_default=None)
    op.add_column("attempts", sa.Column("spin_up_nano", sa.BigInteger(), nullable=True))
    op.add_column("attempts", sa.Column("searches", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("attempts", "searches", server_default=None)
    op.add_column("agenda", sa.Column("provider", sa.String(), nullable=True))
    op.add_column("agenda", sa.Column("endpoint", sa.String(), nullable=True))
    op.execute(
        "UPDATE agenda SET provider = jobs.provider, endpoint = jobs.endpoint FROM jobs WHERE jobs.id = job_id"
    )
    op.alter_column("agenda", "provider", nullable=False)
    op.alter_column("agenda", "endpoint", nullable=False)
    # A claim reads one kind of row, in the order in which they come due: an index for each kind.
    op.drop_index("agenda_due", table_name="agenda")
    op.create_index(
        "agenda_looks",
        "agenda",
        ["provider", "next_at"],
        postgresql_where=sa.text("status IN ('running', 'review')"),
    )
    op.create_index(
        "agenda_work", "agenda", ["next_at"], postgresql_where=sa.text("status IN ('submitting', 'storing')")
    )
    op.create_index(
        "agenda_queued",
        "agenda",
        ["provider", "endpoint", "priority", "next_at"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "agenda_out",
        "agenda",
        ["provider", "endpoint"],
        postgresql_where=sa.text("status = 'queued' AND owner IS NOT NULL"),
    )
    op.create_index(
        "agenda_flying",
        "agenda",
        ["provider", "endpoint"],
        postgresql_where=sa.text("status IN ('submitting', 'running')"),
    )


def downgrade() -> None:
    """Take the revision back."""
    for name in ("agenda_flying", "agenda_out", "agenda_queued", "agenda_work", "agenda_looks"):
        op.drop_index(name, table_name="agenda")
    op.create_index("agenda_due", "agenda", ["next_at"])
    op.drop_column("agenda", "endpoint")
    op.drop_column("agenda", "provider")
    op.drop_column("attempts", "searches")
    op.drop_column("attempts", "spin_up_nano")
    op.drop_column("attempts", "marked")
    op.drop_column("attempts", "start_timeout")
    op.drop_index("jobs_by_deadline", table_name="jobs")
    op.drop_column("jobs", "deadline_at")
    op.drop_table("lanes")
