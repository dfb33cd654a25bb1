"""What the provider billed, beside what was booked, and whom it is still to be asked about."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("attempts", sa.Column("invoiced_nano", sa.BigInteger(), nullable=True))
    op.create_table(
        "invoices",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("booked_nano", sa.BigInteger(), nullable=True),
        sa.Column("subtotal_nano", sa.BigInteger(), nullable=True),
        sa.Column("events", sa.Integer(), nullable=True),
        sa.Column("units", sa.Numeric(), nullable=True),
        sa.Column("unit_price", sa.Numeric(), nullable=True),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("since", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"]),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index(
        "invoices_due", "invoices", ["provider", "next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.create_index(
        "invoices_different",
        "invoices",
        ["project_id", "attempt_id"],
        postgresql_where=sa.text("why IS NOT NULL"),
    )
    op.create_table(
        "billing_marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("done_to", sa.BigInteger(), nullable=False),
        sa.Column("held_until", _TIME, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Take the revision back."""
    op.drop_table("billing_marks")
    op.drop_table("invoices")
    op.drop_column("attempts", "invoiced_nano")
