"""Emptying records of what customers wrote and of what was made from it; amounts, times and ids stay."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlmodel import Session

from domain.erasing import Wanted

# Their keys are left alone, so that whoever writes rows that point at them is not held up meanwhile.
_LOCK: Final = text(
    """
    SELECT id FROM jobs
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('succeeded', 'failed', 'canceled')
    ORDER BY id FOR NO KEY UPDATE
    """
)
_LOCK_BATCH: Final = text("SELECT id FROM batches WHERE id = :id AND ended_at IS NOT NULL FOR NO KEY UPDATE")


def _silent(error: str) -> str:
    """An error without its sentence, which may quote the prompt; SQL."""
    said = '{"message": "(erased)"}'
    return f"CASE WHEN jsonb_typeof({error}) = 'object' THEN {error} || '{said}' ELSE {error} END"


def _statements(*statements: str) -> tuple[TextClause, ...]:
    return tuple(text(one) for one in statements)


_NO_PROMPT: Final = _statements(
    f"UPDATE jobs SET input = '{{}}', error = {_silent('error')} WHERE id = ANY(CAST(:ids AS uuid[]))",  # noqa: S608 - made of constants
    f"""
    UPDATE attempts SET arguments = '{{}}', error = {_silent("error")}
    WHERE job_id = ANY(CAST(:ids AS uuid[]))
    """,  # noqa: S608 - made of constants
    f"""
    UPDATE job_events SET data = CASE type
        WHEN 'search_ended' THEN data || '{{"reason": "(erased)"}}'
        ELSE data || jsonb_build_object('error', {_silent("data -> 'error'")}) END
    WHERE job_id = ANY(CAST(:ids AS uuid[])) AND (jsonb_exists(data, 'error') OR type = 'search_ended')
    """,  # noqa: S608 - made of constants
    f"""
    UPDATE events SET body = CAST(told.body || jsonb_build_object('data', told.data || jsonb_build_object(
        'input', CAST('{{}}' AS jsonb), 'error', {_silent("told.data -> 'error'")},
        'attempts', (
            SELECT COALESCE(jsonb_agg(
                entry || jsonb_build_object('error', {_silent("entry -> 'error'")}) ORDER BY n), '[]')
            FROM jsonb_array_elements(COALESCE(told.data -> 'attempts', '[]')) WITH ORDINALITY AS
                attempt(entry, n)))) AS text)
    FROM (
        SELECT id, CAST(body AS jsonb) AS body, COALESCE(CAST(body AS jsonb) -> 'data', '{{}}') AS data
        FROM events WHERE job_id = ANY(CAST(:ids AS uuid[]))) AS told
    WHERE events.id = told.id
    """,  # noqa: S608 - made of constants
    # An answer was written with its job, at the same moment, so the index of times finds it. Not joined: for
    # many jobs the whole table would be read.
    """
    UPDATE idempotency_keys SET answer = answer || '{"input": {}}'
    WHERE job_id = ANY(CAST(:ids AS uuid[])) AND created_at = ANY(ARRAY(
        SELECT created_at FROM jobs WHERE id = ANY(CAST(:ids AS uuid[]))))
    """,
    """
    UPDATE delivery_tries SET answer = ''
    FROM deliveries JOIN events ON events.id = deliveries.event_id
    WHERE events.job_id = ANY(CAST(:ids AS uuid[])) AND delivery_tries.delivery_id = deliveries.id
    """,
)
# Their keys have gone to the erasure before this; what a provider made is not fetched any more.
_NO_ASSETS: Final = _statements(
    "DELETE FROM assets WHERE job_id = ANY(CAST(:ids AS uuid[]))",
    "UPDATE attempts SET outputs = NULL WHERE job_id = ANY(CAST(:ids AS uuid[])) AND outputs IS NOT NULL",
    """
    UPDATE events SET body = CAST(jsonb_set(CAST(body AS jsonb), '{data,assets}', '[]') AS text)
    WHERE job_id = ANY(CAST(:ids AS uuid[]))
    """,
)
# What is owed of it cannot be told any more.
_ALL: Final = _statements(
    """
    UPDATE deliveries SET status = 'failed', owner = NULL, next_at = NULL, ended_at = :now
    FROM events WHERE events.job_id = ANY(CAST(:ids AS uuid[]))
        AND deliveries.event_id = events.id AND deliveries.status = 'pending'
    """,
    """
    UPDATE jobs SET erase_requested_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND erase_requested_at IS NULL
    """,
    """
    INSERT INTO job_events (job_id, type, at, data)
    SELECT id, 'erase_requested', :now, jsonb_build_object(
        'reason', CAST(:reason AS text), 'prompt', CAST(:prompt AS boolean),
        'assets', CAST(:assets AS boolean))
    FROM unnest(CAST(:ids AS uuid[])) AS job(id) ORDER BY id
    """,
)
_NO_SHEET: Final = _statements(
    """
    UPDATE batches SET defaults = defaults - 'input',
        erase_requested_at = COALESCE(erase_requested_at, :now)
    WHERE id = :id
    """,
    "UPDATE batch_problems SET message = '(erased)' WHERE batch_id = :id",
)


def lock_settled(session: Session, job_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the jobs that are over, held until the unit of work ends, in order."""
    return list(session.connection().execute(_LOCK, {"ids": list(job_ids)}).scalars())


def lock_ended_batch(session: Session, batch_id: UUID) -> bool:
    """Hold a batch until the unit of work ends; False where it is not over."""
    return session.connection().execute(_LOCK_BATCH, {"id": batch_id}).one_or_none() is not None


def empty(session: Session, job_ids: Sequence[UUID], wanted: Wanted, now: datetime) -> None:
    """Empty the records of jobs that are held, of their prompts, of their files, or of both.

    Everything that is owed of them is given up, since it is told no more.
    """
    given = asdict(wanted) | {"ids": list(job_ids), "now": now}
    statements = (*(_NO_PROMPT if wanted.prompt else ()), *(_NO_ASSETS if wanted.assets else ()), *_ALL)
    for statement in statements:
        session.connection().execute(statement, given)


def empty_batch(session: Session, batch_id: UUID, now: datetime) -> None:
    """Empty the record of a batch of what its file said, that of its bad rows too."""
    for statement in _NO_SHEET:
        session.connection().execute(statement, {"id": batch_id, "now": now})
