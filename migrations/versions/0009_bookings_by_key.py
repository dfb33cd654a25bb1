"""Booking looks its jobs up by their keys, whatever the planner thought of tables that were empty then."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A function keeps its plan. One that was made while there were few jobs reads all of them for every booking,
# until somebody analyses the table: with ten thousand jobs, longer than all the rest of accepting takes.
_FUNCTIONS = ("tally_ledger_entries", "tally_budgets")
_WAYS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")


def upgrade() -> None:
    """Apply the revision."""
    for function in _FUNCTIONS:
        for way in _WAYS:
            op.execute(f"ALTER FUNCTION {function}() SET {way} = off")


def downgrade() -> None:
    """Take the revision back."""
    for function in _FUNCTIONS:
        for way in _WAYS:
            op.execute(f"ALTER FUNCTION {function}() RESET {way}")
