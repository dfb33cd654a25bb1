"""The counts of batches: sums of the changes that the database writes as jobs move and money is booked."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.batches import Counts

_SUMS: Final = text(
    """
    SELECT batch_id, what, CAST(sum(n) AS bigint) AS n FROM batch_tallies
    WHERE batch_id = ANY(CAST(:ids AS uuid[])) GROUP BY batch_id, what
    """
)
# What others append meanwhile is neither seen nor lost: only what was deleted is summed.
_SUM_UP: Final = text(
    """
    WITH many AS (
        SELECT batch_id FROM batch_tallies GROUP BY batch_id HAVING count(*) > :most),
    gone AS (
        DELETE FROM batch_tallies WHERE batch_id IN (SELECT batch_id FROM many)
        RETURNING batch_id, what, n)
    INSERT INTO batch_tallies (batch_id, what, n)
    SELECT batch_id, what, sum(n) FROM gone GROUP BY batch_id, what HAVING sum(n) <> 0
    """
)
_FEW: Final = 64


def counts(session: Session, batch_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """The counts of each of the batches, exact at this moment."""
    sums: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in session.connection().execute(_SUMS, {"ids": list(batch_ids)}):
        sums[row.batch_id][row.what] = row.n
    return {batch_id: Counts.of(sums[batch_id]) for batch_id in batch_ids}


def sum_up(session: Session) -> None:
    """Put the changes of each busy batch together, so that its counts stay cheap to read."""
    session.connection().execute(_SUM_UP, {"most": _FEW})
