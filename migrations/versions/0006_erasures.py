"""Erasing what jobs and batches hold, on request or when a project's time for it has passed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply the revision."""
    for table in ("jobs", "batches"):
        op.add_column(table, sa.Column("erase_requested_at", _TIME, nullable=True))
        op.add_column(table, sa.Column("erased_at", _TIME, nullable=True))
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("prompt", sa.Boolean(), nullable=False),
        sa.Column("assets", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("provider", _JSON, nullable=False),
        sa.Column("rows_to", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("begun_at", _TIME, nullable=True),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasures_due", "erasures", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_table(
        "retention",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("prompt_days", sa.Integer(), nullable=True),
        sa.Column("asset_days", sa.Integer(), nullable=True),
        sa.Column("prompts_to", sa.Uuid(), nullable=True),
        sa.Column("assets_to", sa.Uuid(), nullable=True),
        sa.Column("sheets_to", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("project_id"),
    )


def downgrade() -> None:
    """Take the revision back."""
    op.drop_table("retention")
    op.drop_table("erasures")
    for table in ("batches", "jobs"):
        op.drop_column(table, "erased_at")
        op.drop_column(table, "erase_requested_at")
