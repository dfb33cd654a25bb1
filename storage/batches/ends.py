"""Which batches may be over: nothing of theirs waits or is on the agenda."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

# A job in review stays on the agenda for a while, but for its batch it is over.
_QUIET: Final = """
    SELECT id FROM batches
    WHERE ended_at IS NULL AND (read_at IS NOT NULL OR state = 'canceling')
        AND NOT EXISTS (SELECT FROM batch_waits WHERE batch_id = batches.id)
        AND NOT EXISTS (SELECT FROM agenda WHERE batch_id = batches.id AND status <> 'review')
"""
_MAYBE_OVER: Final = text(f"{_QUIET} ORDER BY id")
_STILL: Final = text(f"{_QUIET} AND id = :id")
_HOLD: Final = text("SELECT FROM batches WHERE id = :id FOR NO KEY UPDATE")


def maybe_over(session: Session) -> list[UUID]:
    """The open batches that have been read, or are canceled, and of which nothing is about to happen."""
    return [row.id for row in session.connection().execute(_MAYBE_OVER)]


def still_quiet(session: Session, batch_id: UUID) -> bool:
    """Hold a batch until the unit of work ends, and say whether nothing is about to happen still.

    Who has its failed rows run again holds it, too.
    """
    session.connection().execute(_HOLD, {"id": batch_id})
    return session.connection().execute(_STILL, {"id": batch_id}).one_or_none() is not None
