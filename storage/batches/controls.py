"""Stopping a batch's rows and running failed ones again: many rows in a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import TextClause, text
from sqlmodel import Session

from domain.lifecycle import JobStatus

# A row is locked first and looked at in a statement of its own then: whoever had it before, letting it out or
# ending it, has committed by then, and what that wrote beside the row is seen.
_LOCK_QUEUED: Final = text(
    """
    SELECT id, row_number FROM jobs
    WHERE batch_id = :batch_id AND row_number > :after AND status = 'queued'
    ORDER BY row_number LIMIT :most FOR UPDATE
    """
)
# As each single job ends, for all: what was held is freed where no cost is open, since unknown is not free,
# and its cost is that of its attempts, which mostly are none.
_CANCEL: Final = text(
    """
    WITH found AS MATERIALIZED (
        SELECT jobs.id, jobs.project_id, jobs.reserved_nano, tries.*
        FROM jobs, LATERAL (
            SELECT count(*) = count(cost_nano) AS known,
                CAST(COALESCE(sum(cost_nano), 0) AS bigint) AS nano,
                (array_agg(cost_basis ORDER BY (cost_nano > 0) DESC, number DESC))[1] AS basis,
                COALESCE(bool_and(cost_final), true) AS final
            FROM attempts WHERE job_id = jobs.id) AS tries
        WHERE jobs.id = ANY(CAST(:ids AS uuid[])) AND jobs.status = 'queued'
    ), gone AS (
        DELETE FROM batch_waits USING found WHERE batch_waits.job_id = found.id
    ), off AS (
        DELETE FROM agenda USING found WHERE agenda.job_id = found.id
    ), freed AS (
        INSERT INTO ledger_entries (project_id, job_id, kind, nano, at)
        SELECT project_id, id, 'release', -reserved_nano, :now FROM found WHERE known AND reserved_nano <> 0
    ), noted AS (
        INSERT INTO job_events (job_id, type, at, data)
        SELECT id, 'canceled', :now, CAST(:said AS jsonb) FROM found ORDER BY id
    ), ended AS (
        UPDATE jobs SET status = 'canceled', ended_at = :now, error = CAST(:error AS jsonb),
            cancel_requested_at = COALESCE(cancel_requested_at, :now),
            reserved_nano = CASE WHEN known THEN 0 ELSE jobs.reserved_nano END,
            cost_nano = CASE WHEN known THEN nano END,
            cost_basis = CASE WHEN known THEN basis END,
            cost_final = known AND final
        FROM found WHERE jobs.id = found.id
        RETURNING jobs.id
    )
    SELECT count(*) AS many FROM ended
    """
)
_LOCK_OUT: Final = text(
    """
    SELECT jobs.id, jobs.status FROM agenda JOIN jobs ON jobs.id = agenda.job_id
    WHERE agenda.batch_id = :batch_id AND jobs.status <> 'review' ORDER BY jobs.id FOR UPDATE OF jobs
    """
)
# What this is said of is not sent any more, nor again. What runs is asked about at once, what is being sent
# once it has answered, and what is made is kept.
_WANT_CANCELED: Final = text(
    """
    WITH asked AS (
        UPDATE jobs SET cancel_requested_at = :now
        WHERE id = ANY(CAST(:ids AS uuid[])) AND cancel_requested_at IS NULL
            AND status IN ('queued', 'submitting', 'running')
        RETURNING id, status
    ), noted AS (
        INSERT INTO job_events (job_id, type, at, data)
        SELECT id, 'cancel_requested', :now, '{}'::jsonb FROM asked ORDER BY id
    )
    UPDATE agenda SET owner = NULL, next_at = :now
    FROM asked WHERE agenda.job_id = asked.id AND asked.status = 'running'
    """
)
_LEFT: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM agenda JOIN jobs ON jobs.id = agenda.job_id
        WHERE agenda.batch_id = :batch_id AND (jobs.status = 'queued'
            OR (jobs.status IN ('submitting', 'running') AND jobs.cancel_requested_at IS NULL)))
    """
)
# Made and paid for, but not stored: its last attempt still names the provider's files.
_MADE: Final = """
    EXISTS (
        SELECT FROM attempts WHERE attempts.job_id = jobs.id AND attempts.number = jobs.attempts
            AND attempts.status = 'failed' AND jsonb_array_length(attempts.outputs) > 0)
"""
_FAILED: Final = text(
    f"""
    SELECT id, {_MADE} AS made FROM jobs
    WHERE batch_id = :batch_id AND status = 'failed' AND erase_requested_at IS NULL ORDER BY row_number
    """  # noqa: S608 - made of constants
)
_LOCK_FAILED: Final = text(
    """
    SELECT id FROM jobs
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'failed' AND erase_requested_at IS NULL
    ORDER BY id FOR UPDATE
    """
)
_RUN_AGAIN: Final = text(
    """
    WITH found AS MATERIALIZED (
        SELECT jobs.id, jobs.batch_id, jobs.row_number, jobs.kind, fresh.plan, fresh.most
        FROM jobs, LATERAL (
            SELECT jsonb_agg(entry || '{"exhausted": false}' ORDER BY n) AS plan,
                COALESCE(max(CAST(entry ->> 'high_nano' AS bigint)), 0) AS most
            FROM jsonb_array_elements(jobs.plan) WITH ORDINALITY AS choice(entry, n)) AS fresh
        WHERE jobs.id = ANY(CAST(:ids AS uuid[])) AND jobs.status = 'failed'
    ), waits AS (
        INSERT INTO batch_waits (batch_id, row_number, job_id, kind, provider, endpoint, held_nano)
        SELECT batch_id, row_number, id, kind, plan -> 0 ->> 'provider', plan -> 0 ->> 'endpoint', most
        FROM found
    ), noted AS (
        INSERT INTO job_events (job_id, type, at, data)
        SELECT id, 'retried', :now, '{"how": "run again"}'::jsonb FROM found ORDER BY id
    ), again AS (
        UPDATE jobs SET status = 'queued', plan = found.plan, plan_at = 0,
            provider = found.plan -> 0 ->> 'provider', endpoint = found.plan -> 0 ->> 'endpoint',
            ended_at = NULL, error = NULL, cancel_requested_at = NULL, deadline_at = NULL
        FROM found WHERE jobs.id = found.id
        RETURNING jobs.id
    )
    SELECT count(*) AS many FROM again
    """
)


@dataclass(frozen=True, slots=True)
class Canceled:
    """How many rows a step has canceled; ``last`` is the number of the last one it saw, None at the end."""

    many: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The failed rows of a batch, in order: those to run again, and those whose files are made already."""

    to_run: Sequence[UUID]
    made: Sequence[UUID]


def cancel_queued(
    session: Session, batch_id: UUID, *, after: int, most: int, error: dict[str, Any], now: datetime
) -> Canceled:
    """Cancel up to ``most`` rows behind row ``after`` that were not sent: they cost nothing."""
    wanted = {"batch_id": batch_id, "after": after, "most": most}
    found = session.connection().execute(_LOCK_QUEUED, wanted).all()
    if not found:
        return Canceled(0, None)
    given = {"error": to_json(error).decode(), "said": to_json({"error": error}).decode(), "now": now}
    return Canceled(_many(session, _CANCEL, [row.id for row in found], **given), found[-1].row_number)


def want_canceled(session: Session, batch_id: UUID, now: datetime) -> int:
    """Have nothing more of a batch sent, and what runs dropped; how many rows were sent and are not over."""
    out = session.connection().execute(_LOCK_OUT, {"batch_id": batch_id}).all()
    session.connection().execute(_WANT_CANCELED, {"ids": [row.id for row in out], "now": now})
    return sum(row.status != JobStatus.QUEUED for row in out)


def any_left(session: Session, batch_id: UUID) -> bool:
    """Whether a row is out of which nobody has said yet that it is to be canceled."""
    return bool(session.connection().execute(_LEFT, {"batch_id": batch_id}).scalar())


def failed_rows(session: Session, batch_id: UUID) -> Failed:
    """The rows of a batch that have failed."""
    to_run: list[UUID] = []
    made: list[UUID] = []
    for row in session.connection().execute(_FAILED, {"batch_id": batch_id}):
        (made if row.made else to_run).append(row.id)
    return Failed(to_run, made)


def run_again(session: Session, job_ids: Sequence[UUID], now: datetime) -> int:
    """Have failed rows wait for their turn once more, from the first offer of their plan on; how many do."""
    found = session.connection().execute(_LOCK_FAILED, {"ids": list(job_ids)})
    return _many(session, _RUN_AGAIN, [row.id for row in found], now=now)


def _many(session: Session, statement: TextClause, ids: Sequence[UUID], **given: object) -> int:
    return int(session.connection().execute(statement, {"ids": list(ids), **given}).scalar_one())
