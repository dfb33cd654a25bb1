"""Erasures: begun with what the records still name, taken when due, and written on as they come along."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select, update

from domain.erasing import Wanted
from storage.records import BatchRecord, ErasureRecord, JobRecord

Kind = Literal["job", "batch"]

_COVERED: Final = text(
    """
    SELECT id FROM erasures
    WHERE id = ANY(CAST(:ids AS uuid[])) AND begun_at IS NOT NULL
      AND (prompt OR NOT :prompt) AND (assets OR NOT :assets)
    """
)
# Each request that a provider took is asked about once, whichever attempts share it.
_BEGIN: Final = text(
    """
    INSERT INTO erasures (id, kind, project_id, reason, prompt, assets, keys, removed, provider, rows_to,
        tries, asked_at, begun_at, next_at)
    SELECT jobs.id, 'job', jobs.project_id, :reason, :prompt, :assets,
        CASE WHEN :assets THEN ARRAY(SELECT key FROM assets WHERE job_id = jobs.id ORDER BY n)
            ELSE CAST('{}' AS text[]) END,
        0,
        (SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'attempt', number, 'provider', provider, 'provider_request_id', provider_request_id,
            'over', detected_at IS NOT NULL, 'state', 'pending', 'message', NULL) ORDER BY number), '[]')
        FROM (
            SELECT DISTINCT ON (provider, provider_request_id) * FROM attempts
            WHERE job_id = jobs.id AND provider_request_id IS NOT NULL
            ORDER BY provider, provider_request_id, number DESC) AS taken),
        -1, 0, :now, :now, :now
    FROM jobs WHERE jobs.id = ANY(CAST(:ids AS uuid[]))
    ON CONFLICT (id) DO UPDATE SET
        prompt = erasures.prompt OR excluded.prompt, assets = erasures.assets OR excluded.assets,
        keys = erasures.keys || excluded.keys,
        provider = CASE WHEN erasures.begun_at IS NULL THEN excluded.provider ELSE erasures.provider END,
        tries = 0, begun_at = excluded.begun_at, next_at = excluded.next_at, done_at = NULL
    """
)
_BEGIN_BATCH: Final = text(
    """
    INSERT INTO erasures (id, kind, project_id, reason, prompt, assets, keys, removed, provider, rows_to,
        tries, asked_at, begun_at, next_at)
    SELECT id, 'batch', project_id, :reason, true, :assets, ARRAY[file_key], 0, '[]', -1, 0, :now, :now, :now
    FROM batches WHERE id = :id
    ON CONFLICT (id) DO UPDATE SET
        assets = erasures.assets OR excluded.assets, tries = 0,
        keys = CASE WHEN erasures.begun_at IS NULL THEN excluded.keys ELSE erasures.keys END,
        begun_at = excluded.begun_at, next_at = excluded.next_at, done_at = NULL
    """
)
_PUT_OFF: Final = text(
    """
    INSERT INTO erasures (id, kind, project_id, reason, prompt, assets, keys, removed, provider, rows_to,
        tries, asked_at, next_at)
    SELECT id, :kind, :project, :reason, :prompt, :assets, '{}', 0, '[]', -1, 0, :now, :until
    FROM unnest(CAST(:ids AS uuid[])) AS thing(id)
    ON CONFLICT (id) DO UPDATE SET
        prompt = erasures.prompt OR excluded.prompt, assets = erasures.assets OR excluded.assets,
        next_at = excluded.next_at
    WHERE erasures.begun_at IS NULL
    """
)
# A provider that could not erase may be able to now: its key was set, or it is up again.
_AGAIN: Final = text(
    """
    UPDATE erasures SET next_at = :now, tries = 0, done_at = NULL, provider = (
        SELECT COALESCE(jsonb_agg(CASE WHEN entry ->> 'state' IN ('impossible', 'failed')
            THEN entry || '{"state": "pending"}' ELSE entry END ORDER BY n), '[]')
        FROM jsonb_array_elements(provider) WITH ORDINALITY AS request(entry, n))
    WHERE id = :id AND begun_at IS NOT NULL AND (
        tries > 0 AND next_at IS NOT NULL
        OR provider @> '[{"state": "impossible"}]' OR provider @> '[{"state": "failed"}]')
    """
)
_CLAIM: Final = text(
    """
    UPDATE erasures SET next_at = :until
    WHERE id IN (
        SELECT id FROM erasures WHERE next_at <= :now ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_ROWS: Final = text(
    """
    SELECT id, row_number FROM jobs WHERE batch_id = :batch AND row_number > :after
    ORDER BY row_number LIMIT :most
    """
)


def find(session: Session, thing_id: UUID) -> ErasureRecord | None:
    """The erasure of a job or a batch, if there is one."""
    return session.exec(select(ErasureRecord).where(ErasureRecord.id == thing_id)).one_or_none()


def read(session: Session, thing_id: UUID) -> ErasureRecord:
    """An erasure that there is, as it stands."""
    return session.exec(select(ErasureRecord).where(ErasureRecord.id == thing_id)).one()


def lock(session: Session, thing_id: UUID) -> ErasureRecord:
    """The same, held until the unit of work ends."""
    found = select(ErasureRecord).where(ErasureRecord.id == thing_id).with_for_update()
    return session.exec(found.execution_options(populate_existing=True)).one()


def uncovered(session: Session, ids: Sequence[UUID], wanted: Wanted) -> list[UUID]:
    """Those that have not been erased so far already."""
    given = {"ids": list(ids), "prompt": wanted.prompt, "assets": wanted.assets}
    done = set(session.connection().execute(_COVERED, given).scalars())
    return [one for one in ids if one not in done]


def begin(session: Session, job_ids: Sequence[UUID], wanted: Wanted, now: datetime) -> None:
    """Write down what of jobs is to be removed elsewhere, while their records still name it."""
    session.connection().execute(_BEGIN, asdict(wanted) | {"ids": list(job_ids), "now": now})


def begin_batch(session: Session, batch_id: UUID, wanted: Wanted, now: datetime) -> None:
    """The same of a batch: its file, and where files are to go each of its jobs."""
    given = {"id": batch_id, "assets": wanted.assets, "reason": wanted.reason, "now": now}
    session.connection().execute(_BEGIN_BATCH, given)


def put_off(
    session: Session,
    kind: Kind,
    ids: Sequence[UUID],
    wanted: Wanted,
    *,
    project_id: UUID,
    now: datetime,
    until: datetime,
) -> None:
    """Have what is not over yet looked at again at ``until``, and erased once it is."""
    given = {"kind": kind, "project": project_id, "ids": list(ids), "now": now, "until": until}
    session.connection().execute(_PUT_OFF, asdict(wanted) | given)


def ask_again(session: Session, thing_id: UUID, now: datetime) -> None:
    """Try once more what could not be erased."""
    session.connection().execute(_AGAIN, {"id": thing_id, "now": now})


def claim(session: Session, *, now: datetime, until: datetime, most: int) -> list[UUID]:
    """Take erasures that are due; those of a taker that dies come due again then."""
    given = {"now": now, "until": until, "most": most}
    return list(session.connection().execute(_CLAIM, given).scalars())


def rows_after(session: Session, batch_id: UUID, after: int, *, most: int) -> list[tuple[UUID, int]]:
    """The next jobs of a batch, behind the row ``after``."""
    given = {"batch": batch_id, "after": after, "most": most}
    return [(row.id, row.row_number) for row in session.connection().execute(_ROWS, given)]


def finish(session: Session, erasure: ErasureRecord, now: datetime) -> None:
    """Note that nothing is left to be done; what was to go whole, is gone."""
    erasure.next_at, erasure.done_at = None, now
    if not (erasure.prompt and erasure.assets):
        return
    record = JobRecord if erasure.kind == "job" else BatchRecord
    first = (col(record.id) == erasure.id) & col(record.erased_at).is_(None)
    session.exec(update(record).where(first).values(erased_at=now))
