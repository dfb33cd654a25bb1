"""Open generations, many at once: what is asked about them, their hold while a look is written, progress."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.steps.rows import rows

# The cancel is asked for until it is answered; in review the looks go on, seldom.
_OPEN: Final = text(
    """
    SELECT attempts.job_id, attempts.id AS attempt_id, jobs.kind, attempts.provider, attempts.endpoint,
        attempts.provider_request_id AS request_id,
        COALESCE(attempts.accepted_at, attempts.submitted_at) AS accepted_at,
        attempts.status_url, attempts.response_url, attempts.cancel_url,
        attempts.price_nano, attempts.unit, attempts.unit_price, attempts.expected_nano,
        attempts.phase, attempts.queue_position AS position, attempts.troubles,
        jobs.cancel_requested_at IS NOT NULL AND attempts.cancel_effect IS NULL AS cancel,
        jobs.status <> 'running' AS waits, jobs.batch_id IS NOT NULL AS of_batch
    FROM attempts JOIN jobs ON jobs.id = attempts.job_id
    WHERE attempts.job_id = ANY(CAST(:ids AS uuid[])) AND attempts.status IN ('running', 'unknown')
      AND attempts.provider_request_id IS NOT NULL
    """
)

# The jobs are locked in one order, so that two who write at once never wait for each other.
_LOCK: Final = text("SELECT id FROM jobs WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")

# Only now, with the jobs locked, are the attempts read: before, another could have moved them meanwhile.
_HELD: Final = text(
    """
    SELECT attempts.id AS attempt_id, attempts.job_id, attempts.number, attempts.provider, attempts.endpoint,
        attempts.phase, attempts.phase_since, attempts.phases, attempts.queue_position,
        attempts.submitted_at, attempts.unit, attempts.unit_price,
        jobs.project_id, jobs.kind, jobs.priority, jobs.status AS job_status, jobs.cancel_requested_at
    FROM attempts JOIN jobs ON jobs.id = attempts.job_id
    WHERE attempts.id = ANY(CAST(:ids AS uuid[])) AND attempts.status IN ('running', 'unknown')
    """
)

# Who was told to look at once while this look was out (due now, and nobody's) is not put off by it.
_PROGRESS: Final = text(
    """
    WITH seen AS (
        SELECT * FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS seen(
            job_id uuid, attempt_id uuid, number int, phase text, since timestamptz, phases jsonb,
            position int, event text, data jsonb, at timestamptz, next_at timestamptz)),
    moved AS (
        UPDATE attempts SET phase = seen.phase, phase_since = seen.since, phases = seen.phases,
            queue_position = seen.position, troubles = 0, missing = 0
        FROM seen WHERE attempts.id = seen.attempt_id AND attempts.status IN ('running', 'unknown')
        RETURNING attempts.id),
    noted AS (
        INSERT INTO job_events (job_id, type, attempt, at, data)
        SELECT job_id, event, number, at, data FROM seen
        WHERE event IS NOT NULL AND attempt_id IN (SELECT id FROM moved) ORDER BY at, job_id),
    planned AS (
        UPDATE agenda SET next_at = seen.next_at, owner = NULL FROM seen
        WHERE agenda.job_id = seen.job_id AND seen.next_at IS NOT NULL
          AND (agenda.owner = :owner OR (agenda.owner IS NULL AND agenda.next_at > seen.at)))
    SELECT id FROM moved
    """
)

_RELEASE: Final = text(
    """
    UPDATE agenda SET next_at = :now, owner = NULL
    WHERE owner = :owner AND status IN ('running', 'review')
    """
)


class LookRow(NamedTuple):
    """An accepted and undecided attempt, with what a look at it needs; read for each look, so no more."""

    job_id: UUID
    attempt_id: UUID
    kind: str
    provider: str
    endpoint: str
    request_id: str
    accepted_at: datetime
    status_url: str | None
    response_url: str | None
    cancel_url: str | None
    price_nano: int | None
    unit: str | None
    unit_price: Decimal | None
    expected_nano: int | None
    phase: str | None
    position: int | None
    troubles: int
    cancel: bool
    waits: bool
    of_batch: bool


@dataclass(frozen=True, slots=True)
class OpenRow:
    """An undecided attempt, with what is needed of it and its job to write down what a look brought."""

    attempt_id: UUID
    job_id: UUID
    number: int
    provider: str
    endpoint: str
    phase: str | None
    phase_since: datetime | None
    phases: dict[str, float]
    queue_position: int | None
    submitted_at: datetime
    unit: str | None
    unit_price: Decimal | None
    project_id: UUID
    kind: str
    priority: str
    job_status: str
    cancel_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a look saw of an open request; no event where only its clock goes on.

    ``next_at`` is the time of the next look, None where that is decided elsewhere.
    """

    job_id: UUID
    attempt_id: UUID
    number: int
    phase: str
    since: datetime
    phases: dict[str, float]
    position: int | None
    event: str | None
    data: dict[str, Any]
    at: datetime
    next_at: datetime | None


def open_rows(session: Session, job_ids: Sequence[UUID]) -> list[LookRow]:
    """The accepted and undecided attempts of the jobs."""
    found = session.connection().execute(_OPEN, {"ids": list(job_ids)}) if job_ids else ()
    return [LookRow._make(row) for row in found]


def hold(session: Session, job_ids: Sequence[UUID], attempt_ids: Sequence[UUID]) -> dict[UUID, OpenRow]:
    """The attempts that are still undecided, by their id; their jobs are locked until the work ends."""
    session.connection().execute(_LOCK, {"ids": list(job_ids)})
    held = session.connection().execute(_HELD, {"ids": list(attempt_ids)})
    return {row.attempt_id: OpenRow(*row) for row in held}


def progress(session: Session, seen: Sequence[Progress], *, owner: str) -> set[UUID]:
    """Write what looks saw of requests that go on; answers the attempts that it was written to.

    A look is put off only where ``owner`` still holds the job, or nobody does and it is not due already.
    """
    if not seen:
        return set()
    given = {"seen": rows(seen), "owner": owner}
    return {row.id for row in session.connection().execute(_PROGRESS, given)}


def release(session: Session, *, owner: str, now: datetime) -> None:
    """Have every open generation that ``owner`` holds looked at by whoever is free."""
    session.connection().execute(_RELEASE, {"owner": owner, "now": now})
