"""Requests that a provider has taken: their attempts and jobs run from now on, however that was learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.agenda import WAKE_CHANNEL
from storage.steps.rows import rows

_ACCEPT: Final = text(
    """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row(
            attempt_id uuid, request_id text, status_url text, response_url text, cancel_url text,
            price_nano bigint, queue_position integer, sandbox boolean, phase text,
            accepted_at timestamptz, look_at timestamptz)
    ), held AS (
        SELECT attempts.id AS attempt_id FROM given
        JOIN attempts ON attempts.id = given.attempt_id JOIN jobs ON jobs.id = attempts.job_id
        WHERE attempts.status IN ('submitting', 'unknown') AND attempts.number = jobs.attempts
            AND jobs.status IN ('submitting', 'review')
        ORDER BY jobs.id FOR UPDATE OF jobs
    ), taken AS (
        UPDATE attempts SET status = 'running', provider_request_id = given.request_id,
            status_url = given.status_url, response_url = given.response_url, cancel_url = given.cancel_url,
            price_nano = given.price_nano, queue_position = given.queue_position, sandbox = given.sandbox,
            accepted_at = given.accepted_at, phase = given.phase, phase_since = given.accepted_at,
            error = NULL
        FROM given JOIN held ON held.attempt_id = given.attempt_id
        WHERE attempts.id = given.attempt_id AND attempts.status IN ('submitting', 'unknown')
        RETURNING attempts.id, attempts.job_id, attempts.number, attempts.provider,
            given.request_id, given.queue_position, given.sandbox, given.look_at
    ), moved AS (
        UPDATE jobs SET status = 'running', sandbox = jobs.sandbox OR taken.sandbox,
            ended_at = NULL, error = NULL
        FROM taken WHERE jobs.id = taken.job_id AND jobs.status IN ('submitting', 'review')
        RETURNING jobs.id, jobs.kind, jobs.provider, jobs.endpoint, jobs.priority, jobs.batch_id,
            taken.look_at, jobs.cancel_requested_at IS NOT NULL AS unwanted
    ), noted AS (
        INSERT INTO job_events (job_id, type, attempt, at, data)
        SELECT job_id, 'submitted', number, :now, jsonb_build_object(
            'provider', provider, 'provider_request_id', request_id, 'queue_position', queue_position)
        FROM taken
    ), scheduled AS (
        INSERT INTO agenda (job_id, batch_id, kind, provider, endpoint, priority, status, owner, next_at)
        SELECT id, batch_id, kind, provider, endpoint,
            CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 2 ELSE 4 END
                + CAST(batch_id IS NOT NULL AS int),
            'running', NULL, CASE WHEN unwanted THEN :now ELSE look_at END
        FROM moved
        ON CONFLICT (job_id) DO UPDATE SET provider = excluded.provider, endpoint = excluded.endpoint,
            status = excluded.status, owner = NULL, next_at = excluded.next_at
    )
    SELECT id, pg_notify(:channel, '') FROM taken
    """
)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An attempt and what the provider said when it took it; see ``AttemptRecord``.

    ``look_at`` is when it is looked at first; a job that was to be canceled meanwhile is looked at at once.
    """

    attempt_id: UUID
    request_id: str
    status_url: str | None
    response_url: str | None
    cancel_url: str | None
    price_nano: int | None
    queue_position: int | None
    sandbox: bool
    phase: str | None
    accepted_at: datetime
    look_at: datetime


def accept(session: Session, acceptances: Sequence[Acceptance], *, now: datetime) -> set[UUID]:
    """Set the attempts and their jobs running; answers which attempts have moved.

    An attempt moves while it is the last of its job, and neither of them has been decided otherwise.
    """
    given = {"rows": rows(acceptances), "now": now, "channel": WAKE_CHANNEL}
    return {row.id for row in session.connection().execute(_ACCEPT, given)}
