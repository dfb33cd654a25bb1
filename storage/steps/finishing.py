"""From ``running`` to ``storing``, for many jobs at once: the one place where a result is taken down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.steps.rows import rows

# The job moves first, the attempt only with it, and all else only with the attempt.
_FINISH: Final = text(
    """
    WITH done AS (
        SELECT * FROM jsonb_to_recordset(CAST(:done AS jsonb)) AS done(
            job_id uuid, attempt_id uuid, project_id uuid, number int, kind text, provider text,
            endpoint text, priority int, at timestamptz, outputs jsonb, filtered int, phases jsonb,
            cost_nano bigint, cost_basis text, cost_final boolean, spin_up_nano bigint,
            billed_units numeric, unit text, unit_price numeric, too_late boolean)),
    moved_jobs AS (
        UPDATE jobs SET status = 'storing', ended_at = NULL, error = NULL FROM done
        WHERE jobs.id = done.job_id AND jobs.status IN ('running', 'review') RETURNING jobs.id),
    moved AS (
        UPDATE attempts SET status = 'storing', detected_at = done.at, outputs = done.outputs,
            filtered = done.filtered, phases = done.phases, cost_nano = done.cost_nano,
            cost_basis = done.cost_basis, cost_final = done.cost_final, spin_up_nano = done.spin_up_nano,
            billed_units = done.billed_units, unit = done.unit, unit_price = done.unit_price
        FROM done JOIN moved_jobs ON moved_jobs.id = done.job_id
        WHERE attempts.id = done.attempt_id AND attempts.status IN ('running', 'unknown')
        RETURNING attempts.id),
    settled AS (
        SELECT done.* FROM done JOIN moved ON moved.id = done.attempt_id),
    booked AS (
        INSERT INTO ledger_entries (project_id, job_id, attempt_id, kind, nano, basis, at)
        SELECT project_id, job_id, attempt_id, 'settle', cost_nano, cost_basis, at FROM settled
        WHERE cost_nano IS NOT NULL),
    noted AS (
        INSERT INTO job_events (job_id, type, attempt, at, data)
        SELECT job_id, step.type, number, at, step.data
        FROM settled CROSS JOIN LATERAL (VALUES
            (1, 'provider_end', jsonb_build_object(
                'files', jsonb_array_length(outputs), 'filtered', filtered)),
            (2, 'detected', CAST('{}' AS jsonb)),
            (3, 'cancel_too_late', CAST('{}' AS jsonb))) AS step(place, type, data)
        WHERE step.place < 3 OR too_late
        ORDER BY at, job_id, step.place),
    planned AS (
        INSERT INTO agenda (job_id, kind, provider, endpoint, priority, status, owner, next_at)
        SELECT job_id, kind, provider, endpoint, priority, 'storing', :owner, :until FROM settled
        ON CONFLICT (job_id) DO UPDATE SET provider = excluded.provider, endpoint = excluded.endpoint,
            status = excluded.status, owner = excluded.owner, next_at = excluded.next_at)
    SELECT id FROM moved
    """
)


@dataclass(frozen=True, slots=True)
class Done:
    """A result as a look brought it, with what it cost; ``too_late`` where a cancel had been asked for."""

    job_id: UUID
    attempt_id: UUID
    project_id: UUID
    number: int
    kind: str
    provider: str
    endpoint: str
    priority: int
    at: datetime
    outputs: list[dict[str, Any]]
    filtered: int
    phases: dict[str, float]
    cost_nano: int | None
    cost_basis: str | None
    cost_final: bool
    spin_up_nano: int | None
    billed_units: Decimal | None
    unit: str | None
    unit_price: Decimal | None
    too_late: bool


def finish(session: Session, done: Sequence[Done], *, owner: str, until: datetime) -> set[UUID]:
    """Take results down: outputs, costs and bookings; answers the attempts that moved.

    Each job stays with ``owner`` until then, who is to have its files fetched at once.
    """
    if not done:
        return set()
    given = {"done": rows(done), "owner": owner, "until": until}
    return {row.id for row in session.connection().execute(_FINISH, given)}
