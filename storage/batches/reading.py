"""Reading a batch's file: who does, how far it has come, and each slice of rows in one commit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlmodel import Session, col, select, update

from domain.sheets.problems import RowProblem
from storage.claims import Lease
from storage.records import BatchRecord

_CLAIM: Final = text(
    """
    UPDATE batches SET next_at = :until, owner = :owner
    WHERE id IN (
        SELECT id FROM batches WHERE next_at <= :now AND read_at IS NULL AND state IN ('reading', 'paused')
        ORDER BY next_at LIMIT 8 FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_TAKE: Final = text(
    """
    UPDATE batches SET owner = :owner, next_at = :until
    WHERE id = :id AND read_at IS NULL AND state IN ('reading', 'paused')
        AND (next_at <= :now OR owner LIKE 'watcher:%' OR owner = :owner)
    RETURNING id
    """
)
_GO_ON: Final = text(
    """
    UPDATE batches SET read_rows = :after, bad_rows = bad_rows + :bad, quotes = CAST(:quotes AS jsonb),
        sandbox = sandbox OR :sandbox, next_at = :until
    WHERE id = :id AND owner = :owner AND read_rows = :before AND read_at IS NULL
        AND state IN ('reading', 'paused')
    RETURNING id
    """
)
_FINISH: Final = text(
    """
    UPDATE batches SET read_at = :at, owner = NULL, next_at = NULL,
        state = CASE state WHEN 'reading' THEN 'running' ELSE state END
    WHERE id = :id AND owner = :owner AND read_at IS NULL
    RETURNING id
    """
)
_JOBS: Final = (
    "COPY jobs (id, project_id, kind, model, input, routing, tags, priority, callback_url, batch_id, "
    "row_number, row_id, status, plan, provider, endpoint, plan_at, attempts, quoted_nano, reserved_nano, "
    "cost_final, sandbox, created_at) FROM STDIN"
)
_WAITS: Final = (
    "COPY batch_waits (batch_id, row_number, job_id, kind, provider, endpoint, held_nano) FROM STDIN"
)
_PROBLEMS: Final = (
    "COPY batch_problems (batch_id, row_number, n, line, row_id, column_name, code, message, expected) "
    "FROM STDIN"
)


@dataclass(frozen=True, slots=True)
class NewRow:
    """A good row as it is written down, its JSON as text; see ``JobRecord`` and ``BatchWaitRecord``."""

    job_id: UUID
    number: int
    row_id: str | None
    kind: str
    model: str
    input: str
    routing: str
    tags: str
    priority: str
    callback_url: str | None
    plan: str
    provider: str
    endpoint: str
    quoted_nano: int | None
    held_nano: int
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a file, one after another: the good ones, and what is wrong with others.

    ``before`` and ``after`` count the rows that were read before it, and after it. ``quotes`` is what all
    rows so far may cost, as JSON.
    """

    rows: Sequence[NewRow]
    problems: Sequence[RowProblem]
    bad: int
    before: int
    after: int
    quotes: str
    at: datetime


def claim(session: Session, lease: Lease) -> list[UUID]:
    """Take batches whose file is to be read on."""
    return [row.id for row in session.connection().execute(_CLAIM, lease.values())]


def put_off(session: Session, batch_ids: Sequence[UUID], *, owner: str, until: datetime) -> None:
    """Give claimed batches back until ``until``."""
    mine = col(BatchRecord.id).in_(batch_ids) & (col(BatchRecord.owner) == owner)
    session.exec(update(BatchRecord).where(mine).values(owner=None, next_at=until))


def take(session: Session, batch_id: UUID, lease: Lease) -> BatchRecord | None:
    """Hold a batch to read its file; None where that is not to be done, or another does."""
    if session.connection().execute(_TAKE, lease.values() | {"id": batch_id}).one_or_none() is None:
        return None
    return session.exec(select(BatchRecord).where(BatchRecord.id == batch_id)).one()


def write(session: Session, batch: BatchRecord, slice_: Slice, *, owner: str, until: datetime) -> bool:
    """Write a slice down and hold the batch until then; False where it is not held: nothing is written."""
    values = {
        "id": batch.id,
        "owner": owner,
        "until": until,
        "before": slice_.before,
        "after": slice_.after,
        "bad": slice_.bad,
        "quotes": slice_.quotes,
        "sandbox": any(row.sandbox for row in slice_.rows),
    }
    if session.connection().execute(_GO_ON, values).one_or_none() is None:
        return False
    connection = _driver(session)
    _copy(connection, _JOBS, (_job_row(batch, row, slice_.at) for row in slice_.rows))
    _copy(connection, _WAITS, (_wait_row(batch.id, row) for row in slice_.rows))
    _copy(connection, _PROBLEMS, _problem_rows(batch.id, slice_.problems))
    return True


def finish(session: Session, batch_id: UUID, *, owner: str, at: datetime) -> bool:
    """Note that the whole file is read; False where the batch is held no more."""
    given = {"id": batch_id, "owner": owner, "at": at}
    return session.connection().execute(_FINISH, given).one_or_none() is not None


def refuse(session: Session, batch: BatchRecord, problems: Sequence[RowProblem]) -> None:
    """Write down what is wrong with the rows of a file of which nothing is run."""
    batch.read_rows, batch.bad_rows = batch.rows, len({problem.row for problem in problems})
    session.flush()
    _copy(_driver(session), _PROBLEMS, _problem_rows(batch.id, problems))


def _driver(session: Session) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)


def _copy(connection: psycopg.Connection[Any], statement: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _job_row(batch: BatchRecord, row: NewRow, at: datetime) -> Sequence[Any]:
    return (
        row.job_id,
        batch.project_id,
        row.kind,
        row.model,
        row.input,
        row.routing,
        row.tags,
        row.priority,
        row.callback_url,
        batch.id,
        row.number,
        row.row_id,
        "queued",
        row.plan,
        row.provider,
        row.endpoint,
        0,
        0,
        row.quoted_nano,
        0,
        False,
        row.sandbox,
        at,
    )


def _wait_row(batch_id: UUID, row: NewRow) -> Sequence[Any]:
    return batch_id, row.number, row.job_id, row.kind, row.provider, row.endpoint, row.held_nano


def _problem_rows(batch_id: UUID, problems: Sequence[RowProblem]) -> Iterator[Sequence[Any]]:
    places: Counter[int] = Counter()
    for one in problems:
        yield (
            batch_id,
            one.row,
            places[one.row],
            one.line,
            one.row_id,
            one.column,
            one.code,
            one.message,
            one.expected,
        )
        places[one.row] += 1
