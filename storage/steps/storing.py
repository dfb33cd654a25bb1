"""From ``storing`` to ``succeeded``, for many jobs at once: the one place where a job comes to that end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.agenda import ENDED_CHANNEL, WAKE_CHANNEL
from storage.records import AssetRecord, AttemptRecord, JobRecord
from storage.steps.rows import rows

# Free is what is due, what a watcher has let out for this very message, and what the caller holds already.
_TAKE: Final = text(
    """
    WITH free AS (
        SELECT job_id FROM agenda
        WHERE job_id = ANY(CAST(:ids AS uuid[])) AND status = 'storing'
          AND (next_at <= :now OR owner LIKE 'watcher:%' OR owner = :owner)
        ORDER BY job_id FOR UPDATE),
    taken AS (
        UPDATE agenda SET owner = :owner, next_at = :until FROM free
        WHERE agenda.job_id = free.job_id RETURNING agenda.job_id)
    SELECT jobs.id AS job_id, jobs.project_id, jobs.kind, jobs.created_at, attempt.id AS attempt_id,
        attempt.number, attempt.provider, attempt.outputs, attempt.sandbox,
        ARRAY(SELECT n FROM assets WHERE assets.job_id = jobs.id) AS stored
    FROM taken JOIN jobs ON jobs.id = taken.job_id
    JOIN LATERAL (
        SELECT * FROM attempts WHERE attempts.job_id = jobs.id
        ORDER BY attempts.status = 'storing' DESC, number DESC LIMIT 1) AS attempt ON true
    WHERE jobs.status = 'storing'
    """
)

# The jobs are locked in one order, so that two workers never wait for each other. A file that another worker
# has written down is neither told nor timed again.
_KEEP: Final = text(
    """
    WITH held AS (
        SELECT id, reserved_nano FROM jobs
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'storing' ORDER BY id FOR UPDATE),
    file AS (
        SELECT * FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS file(
            job_id uuid, attempt_id uuid, number int, n int, key text, content_type text, bytes bigint,
            sha256 text, width int, height int, duration numeric, sandbox boolean,
            fetched_at timestamptz, stored_at timestamptz, download numeric, store numeric)),
    kept AS (
        INSERT INTO assets (job_id, n, attempt_id, key, content_type, bytes, sha256, width, height, duration,
            sandbox, created_at)
        SELECT job_id, n, attempt_id, key, content_type, bytes, sha256, width, height, duration, sandbox,
            stored_at
        FROM file JOIN held ON held.id = file.job_id
        ON CONFLICT (job_id, n) DO NOTHING RETURNING job_id, n),
    fresh AS (SELECT file.* FROM file JOIN kept USING (job_id, n)),
    noted AS (
        INSERT INTO job_events (job_id, type, attempt, at, data)
        SELECT job_id, 'downloaded', number, fetched_at,
            jsonb_build_object('n', n, 'bytes', bytes, 'content_type', content_type)
        FROM fresh ORDER BY job_id, n),
    spent AS (
        SELECT attempt_id, sum(download) AS download, sum(store) AS store FROM fresh GROUP BY attempt_id),
    timed AS (
        UPDATE attempts SET phases = phases || jsonb_build_object(
            'download', round(COALESCE((phases->>'download')::numeric, 0) + spent.download, 6),
            'store', round(COALESCE((phases->>'store')::numeric, 0) + spent.store, 6))
        FROM spent WHERE attempts.id = spent.attempt_id)
    SELECT id, reserved_nano FROM held
    """
)

# Every attempt of the jobs whose last one could be moved: the moved one as it is now, the others as they are.
_MOVE_ATTEMPTS: Final = text(
    """
    WITH moved AS (
        UPDATE attempts SET status = 'succeeded', ended_at = :at, error = NULL
        WHERE id = ANY(CAST(:ids AS uuid[])) AND job_id = ANY(CAST(:held AS uuid[])) AND status = 'storing'
        RETURNING *)
    SELECT * FROM moved UNION ALL
    SELECT * FROM attempts WHERE job_id IN (SELECT job_id FROM moved) AND id NOT IN (SELECT id FROM moved)
    ORDER BY job_id, number
    """
)

_ASSETS: Final = text("SELECT * FROM assets WHERE job_id = ANY(CAST(:ids AS uuid[])) ORDER BY job_id, n")

_MOVE_JOBS: Final = text(
    """
    UPDATE jobs SET status = 'succeeded', ended_at = :at, error = NULL, cost_nano = total.cost_nano,
        cost_basis = total.cost_basis, cost_final = total.cost_final,
        reserved_nano = reserved_nano - total.released
    FROM jsonb_to_recordset(CAST(:totals AS jsonb)) AS total(
        job_id uuid, cost_nano bigint, cost_basis text, cost_final boolean, released bigint)
    WHERE jobs.id = total.job_id AND jobs.status = 'storing' RETURNING jobs.*
    """
)

_TELL: Final = text(
    """
    WITH ended AS (
        SELECT * FROM jsonb_to_recordset(CAST(:ended AS jsonb)) AS ended(
            job_id uuid, project_id uuid, number int, files int, released bigint,
            event_id uuid, body text, delivery_id uuid, url text)),
    told AS (
        INSERT INTO events (id, project_id, job_id, type, body, created_at)
        SELECT event_id, project_id, job_id, :type, body, :at FROM ended),
    sent AS (
        INSERT INTO deliveries (id, event_id, project_id, url, status, tries, next_at, created_at)
        SELECT delivery_id, event_id, project_id, url, 'pending', 0, :at, :at FROM ended
        WHERE url IS NOT NULL),
    freed AS (
        INSERT INTO ledger_entries (project_id, job_id, kind, nano, at)
        SELECT project_id, job_id, 'release', -released, :at FROM ended WHERE released <> 0),
    noted AS (
        INSERT INTO job_events (job_id, type, attempt, at, data)
        SELECT job_id, step.type, step.attempt, :at, step.data
        FROM ended CROSS JOIN LATERAL (VALUES
            (1, 'stored', number, jsonb_build_object('files', files)),
            (2, 'succeeded', NULL, CAST('{}' AS jsonb))) AS step(place, type, attempt, data)
        ORDER BY job_id, step.place),
    due AS (
        SELECT job_id FROM agenda WHERE job_id IN (SELECT job_id FROM ended) ORDER BY job_id FOR UPDATE),
    gone AS (DELETE FROM agenda WHERE job_id IN (SELECT job_id FROM due))
    SELECT pg_notify(:ended_channel, CAST(job_id AS text)) FROM ended
    UNION ALL SELECT pg_notify(:wake_channel, '') FROM ended WHERE url IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Storing:
    """A job whose files are to be fetched, as it was taken; ``stored`` are those that are there already."""

    job_id: UUID
    project_id: UUID
    kind: str
    created_at: datetime
    attempt_id: UUID
    number: int
    provider: str
    outputs: Sequence[Mapping[str, Any]]
    sandbox: bool
    stored: frozenset[int]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in the object store, and how long its two halves took, in seconds."""

    job_id: UUID
    attempt_id: UUID
    number: int
    n: int
    key: str
    content_type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration: Decimal | None
    sandbox: bool
    fetched_at: datetime
    stored_at: datetime
    download: float
    store: float


@dataclass(frozen=True, slots=True)
class Total:
    """What a job cost in all, and how much of its reserve is freed with that."""

    job_id: UUID
    cost_nano: int | None
    cost_basis: str | None
    cost_final: bool
    released: int


@dataclass(frozen=True, slots=True)
class End:
    """What is written of a job's success beside its own row; no delivery without a ``url``."""

    job_id: UUID
    project_id: UUID
    number: int
    files: int
    released: int
    event_id: UUID
    body: str
    delivery_id: UUID
    url: str | None


def take(
    session: Session, job_ids: Sequence[UUID], *, owner: str, now: datetime, lease: timedelta
) -> list[Storing]:
    """Hold those of the jobs that are storing and free, and read what is needed to fetch their files.

    A message that comes late or twice finds nothing free, so it cannot shorten a wait that was decided on.
    """
    given = {"ids": list(job_ids), "owner": owner, "now": now, "until": now + lease}
    found = session.connection().execute(_TAKE, given).mappings()
    return [
        Storing(**(dict(row) | {"outputs": row["outputs"] or (), "stored": frozenset(row["stored"])}))
        for row in found
    ]


def keep(session: Session, job_ids: Sequence[UUID], files: Sequence[StoredFile]) -> dict[UUID, int]:
    """Write stored files down; answers the reserve of each job that is still storing, now locked.

    A file that is written down already stays as it is, and a job that has moved on gets none.
    """
    given = {"ids": list(job_ids), "files": rows(files)}
    return {row.id: row.reserved_nano for row in session.connection().execute(_KEEP, given)}


def succeed_attempts(
    session: Session, attempt_ids: Sequence[UUID], held: Sequence[UUID], at: datetime
) -> Sequence[AttemptRecord]:
    """Move attempts of the ``held`` jobs to their end; answers every attempt of those jobs."""
    given = {"ids": list(attempt_ids), "held": list(held), "at": at}
    # A row has the attributes of its record, and costs a tenth of it.
    return cast("Sequence[AttemptRecord]", session.connection().execute(_MOVE_ATTEMPTS, given).all())


def assets_of(session: Session, job_ids: Sequence[UUID]) -> Sequence[AssetRecord]:
    """The files of the jobs, in order."""
    return cast("Sequence[AssetRecord]", session.connection().execute(_ASSETS, {"ids": list(job_ids)}).all())


def succeed_jobs(session: Session, totals: Sequence[Total], at: datetime) -> Sequence[JobRecord]:
    """Move jobs to their end with what they cost; answers those that were moved, as they are now."""
    given = {"totals": rows(totals), "at": at}
    return cast("Sequence[JobRecord]", session.connection().execute(_MOVE_JOBS, given).all())


def tell(session: Session, ends: Sequence[End], type_: str, at: datetime) -> None:
    """Write what follows from the ends: events, deliveries, freed reserves, timelines; nothing stays due."""
    given = {"ended": rows(ends), "type": type_, "at": at}
    channels = {"ended_channel": ENDED_CHANNEL, "wake_channel": WAKE_CHANNEL}
    session.connection().execute(_TELL, given | channels)
