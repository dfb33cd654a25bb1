"""Attempts that were not billed as they were booked, written down as the reconciler leaves them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.runtime import Runtime
from storage.records import InvoiceRecord, JobRecord
from tests.support.rows import NOON, a_job, an_attempt, keep


def a_difference(
    runtime: Runtime,
    project_id: UUID,
    *,
    booked: int | None = 3_000_000,
    invoiced: int | None = 2_700_000,
    since: datetime = NOON,
    **fields: Any,  # noqa: ANN401 - columns
) -> JobRecord:
    """A job at fal whose attempt was booked at the one amount and billed at the other."""
    cost = booked if invoiced is None else invoiced
    job = a_job(project_id=project_id, status="succeeded", provider="fal", endpoint="fal-ai/flux/schnell")
    attempt = an_attempt(
        job,
        provider="fal",
        endpoint="fal-ai/flux/schnell",
        status="succeeded",
        cost_nano=cost,
        invoiced_nano=invoiced,
    )
    defaults: dict[str, Any] = {
        "attempt_id": attempt.id,
        "project_id": project_id,
        "provider": "fal",
        "looks": 1,
        "why": "discount",
        "since": since,
    }
    if invoiced is not None:
        defaults |= {"booked_nano": booked, "subtotal_nano": booked, "events": 1}
    keep(runtime, job, attempt, InvoiceRecord(**(defaults | fields)))
    return job
