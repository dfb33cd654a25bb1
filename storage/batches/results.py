"""What became of a batch's rows, in pages in the order of its file; each page is one statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.lifecycle import JobStatus

# A job costs what its attempts do, so one whose attempts are not all known has no known cost. What was erased
# has no prompt any more.
_JOBS: Final = text(
    """
    SELECT job.row_number, CAST(job.id AS text) AS id, job.status, job.provider,
        CAST(extract(epoch FROM COALESCE(ended_at, :now) - created_at) AS double precision) AS seconds,
        tried.attempts, tried.priced, tried.cost_nano,
        ARRAY(SELECT n FROM assets WHERE job_id = job.id ORDER BY n) AS assets,
        job.error ->> 'code' AS error_code, job.error ->> 'message' AS error_message,
        NOT jsonb_exists(job.input, 'prompt') AS erased
    FROM (
        SELECT * FROM jobs
        WHERE batch_id = :batch_id AND row_number > :after AND status = ANY(CAST(:among AS text[]))
        ORDER BY row_number LIMIT :most) AS job
    CROSS JOIN LATERAL (
        SELECT count(*) AS attempts, count(cost_nano) AS priced, CAST(sum(cost_nano) AS bigint) AS cost_nano
        FROM attempts WHERE job_id = job.id) AS tried
    ORDER BY job.row_number
    """
)
_PROBLEMS: Final = text(
    """
    SELECT row_number, column_name, code, message, expected FROM batch_problems
    WHERE batch_id = :batch_id AND row_number IN (
        SELECT DISTINCT row_number FROM batch_problems WHERE batch_id = :batch_id AND row_number > :after
        ORDER BY row_number LIMIT :most)
    ORDER BY row_number, n
    """
)
_ASSETS: Final = text(
    """
    SELECT job.row_number, job.row_id, job.id AS job_id, asset.n, asset.key, asset.bytes, asset.sha256,
        asset.content_type, asset.created_at
    FROM (
        SELECT id, row_number, row_id FROM jobs
        WHERE batch_id = :batch_id AND row_number > :after AND status = 'succeeded'
        ORDER BY row_number LIMIT :most) AS job
    JOIN assets AS asset ON asset.job_id = job.id
    ORDER BY job.row_number, asset.n
    """
)


class PageAfter(NamedTuple):
    """Up to ``most`` rows of a batch, from after the row ``after``; the first row is 0."""

    batch_id: UUID
    after: int
    most: int


class RowOutcome(NamedTuple):
    """A row's job as it stands; ``priced`` of its ``attempts`` have a known cost, ``cost_nano`` in all."""

    row_number: int
    job_id: str
    status: str
    provider: str | None
    seconds: float
    attempts: int
    priced: int
    cost_nano: int | None
    assets: list[int]
    error_code: str | None
    error_message: str | None
    erased: bool


class BadRow(NamedTuple):
    """One thing that is wrong with a row that was not run."""

    row_number: int
    column: str | None
    code: str
    message: str
    expected: str


class StoredFile(NamedTuple):
    """One asset of a row whose job has succeeded."""

    row_number: int
    row_id: str | None
    job_id: UUID
    n: int
    key: str
    bytes: int
    sha256: str
    content_type: str
    created_at: datetime


def outcomes(
    session: Session, page: PageAfter, among: Collection[JobStatus], *, now: datetime
) -> Sequence[RowOutcome]:
    """The jobs in one of the states ``among``; the time of an open one counts until ``now``."""
    given = page._asdict() | {"among": list(among), "now": now}
    return [RowOutcome(*row) for row in session.connection().execute(_JOBS, given)]


def bad_rows(session: Session, page: PageAfter) -> Sequence[BadRow]:
    """Everything that is wrong with rows that were not run."""
    return [BadRow(*row) for row in session.connection().execute(_PROBLEMS, page._asdict())]


def stored_files(session: Session, page: PageAfter) -> Sequence[StoredFile]:
    """The assets of succeeded jobs, each job's in order."""
    return [StoredFile(*row) for row in session.connection().execute(_ASSETS, page._asdict())]
