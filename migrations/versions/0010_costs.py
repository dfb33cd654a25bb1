"""What jobs cost by day, kept as they end, and what each job has added to it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
_MEASURES = (
    *("jobs", "priced", "unknown", "not_final", "over_max", "invoiced"),
    *("held_nano", "spent_nano", "spin_up_nano", "invoiced_nano"),
)


def upgrade() -> None:
    """Apply the revision."""
    op.create_table("cost_days", *_keys(), *_measures(), sa.PrimaryKeyConstraint("id"))
    op.create_table(
        "cost_tag_days",
        *_keys(),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("tags", _JSON, nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in ("cost_days", "cost_tag_days"):
        op.create_index(f"{table}_by_project", table, ["project_id", "day"])
    op.create_table(
        "cost_shares",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("day_id", sa.Uuid(), nullable=False),
        sa.Column("tag_day_id", sa.Uuid(), nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint("job_id", "day_id"),
    )
    op.create_table(
        "cost_mark",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("done_to", sa.BigInteger(), nullable=False),
        sa.Column("seen_to", sa.BigInteger(), nullable=False),
        sa.Column("seen_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("only"),
    )
    # Before every event, so that what a Darkroom has done until now is summed too.
    op.execute("INSERT INTO cost_mark VALUES (true, 0, 0, 0)")


def downgrade() -> None:
    """Take the revision back."""
    for table in ("cost_mark", "cost_shares", "cost_tag_days", "cost_days"):
        op.drop_table(table)


def _keys() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
    ]


def _measures() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURES]
