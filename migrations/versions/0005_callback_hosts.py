"""The hosts that callbacks go to: how each does, and which deliveries wait for its turn."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)

# Scheme, host and port as they are written: a host with two spellings is two hosts, which harms nobody.
_HOST = r"lower(COALESCE(substring(url from '^[^:/?#]+://[^/?#]*'), ''))"


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "callback_hosts",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("trying", sa.Integer(), nullable=False),
        sa.Column("trying_until", _TIME, nullable=True),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("host"),
    )
    op.create_index(
        "callback_hosts_waiting", "callback_hosts", ["state", "next_at"], postgresql_where=sa.text("waiting")
    )
    op.create_index(
        "callback_hosts_trying",
        "callback_hosts",
        ["state"],
        postgresql_where=sa.text("trying_until IS NOT NULL"),
    )
    op.add_column(
        "deliveries", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.add_column("deliveries", sa.Column("host", sa.String(), sa.Computed(_HOST, persisted=True)))
    op.drop_index("deliveries_due", table_name="deliveries")
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["next_at"],
        postgresql_where=sa.text("status = 'pending' AND NOT held"),
    )
    op.create_index(
        "deliveries_held",
        "deliveries",
        ["host", "next_at"],
        postgresql_where=sa.text("status = 'pending' AND held"),
    )
    op.create_index(
        "deliveries_held_fresh",
        "deliveries",
        ["host", "tries", "next_at"],
        postgresql_where=sa.text("status = 'pending' AND held"),
    )
    op.create_index(
        "deliveries_out",
        "deliveries",
        ["host"],
        postgresql_where=sa.text("status = 'pending' AND owner IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the revision back."""
    for name in ("deliveries_out", "deliveries_held_fresh", "deliveries_held", "deliveries_due"):
        op.drop_index(name, table_name="deliveries")
    op.create_index(
        "deliveries_due", "deliveries", ["next_at"], postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_column("deliveries", "host")
    op.drop_column("deliveries", "held")
    op.drop_table("callback_hosts")
