"""Prices keep their history, and what jobs really cost is kept as evidence for the next quote."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("unit_prices", sa.Column("since", _TIME, nullable=True))
    op.execute("UPDATE unit_prices SET since = at")
    op.alter_column("unit_prices", "since", nullable=False)
    op.create_table(
        "unit_price_history",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("usd", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "endpoint", "since"),
    )
    op.execute(
        "INSERT INTO unit_price_history (provider, endpoint, since, usd, unit) "
        "SELECT provider, endpoint, since, usd, unit FROM unit_prices"
    )
    op.create_table(
        "price_evidence",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("shape", sa.String(), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("low_nano", "p5_nano", "p95_nano", "high_nano", "work_low_nano", "work_high_nano")
        ),
        sa.Column("pays_starts", sa.Boolean(), nullable=False),
        sa.Column("first_at", _TIME, nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("ats", sa.ARRAY(_TIME), nullable=False),
        sa.Column("nanos", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("spin_ups", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("provider", "endpoint", "sandbox", "shape", "price"),
    )
    op.create_table(
        "evidence_mark",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("only"),
    )
    # Before every event, so that what a Darkroom has done until now is taken as evidence too.
    op.execute("INSERT INTO evidence_mark VALUES (true, '00000000-0000-0000-0000-000000000000')")


def downgrade() -> None:
    """Take the revision back."""
    for table in ("evidence_mark", "price_evidence", "unit_price_history"):
        op.drop_table(table)
    op.drop_column("unit_prices", "since")
