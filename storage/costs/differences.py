"""Attempts that were not billed as they were booked, and those of which nobody knows what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

# What has become known without any bill is no difference any more.
_PAGE: Final = text(
    """
    SELECT invoices.attempt_id, attempt.job_id, attempt.number, attempt.provider, attempt.endpoint,
        attempt.provider_request_id, attempt.sandbox,
        CASE WHEN invoices.events IS NULL THEN attempt.cost_nano ELSE invoices.booked_nano END AS booked_nano,
        attempt.invoiced_nano, attempt.unit_price AS sent_at_price, invoices.unit_price AS billed_price,
        invoices.subtotal_nano, invoices.events, invoices.units, invoices.why, invoices.since,
        invoices.next_at
    FROM invoices
    CROSS JOIN LATERAL (SELECT * FROM attempts WHERE attempts.id = invoices.attempt_id OFFSET 0) AS attempt
    WHERE invoices.project_id = :project AND invoices.why IS NOT NULL
        AND invoices.attempt_id < COALESCE(CAST(:before AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        AND (CAST(:from AS timestamptz) IS NULL OR invoices.since >= :from)
        AND (CAST(:to AS timestamptz) IS NULL OR invoices.since < :to)
        AND (invoices.why <> 'unknown' OR attempt.cost_nano IS NULL)
    ORDER BY invoices.attempt_id DESC LIMIT :most
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which differences are wanted: those noticed from ``start`` on and before ``end``."""

    start: datetime | None = None
    end: datetime | None = None


def page(
    session: Session, project_id: UUID, wanted: Wanted, *, before: UUID | None, most: int
) -> Sequence[Mapping[str, Any]]:
    """Up to ``most`` of a project's differences, the newest attempts first, behind the attempt ``before``."""
    given = {"project": project_id, "before": before, "from": wanted.start, "to": wanted.end, "most": most}
    return [dict(row) for row in session.connection().execute(_PAGE, given).mappings()]
