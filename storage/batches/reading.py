"""Reading a batch's file: who does, how far it has come, and each slice of rows in one commit."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlmodel import Session, col, select, update

from domain.sheets.problems import RowProblem
from storage.batches.rows import JOBS, WAITS, NewRow, copied
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
_PROBLEMS: Final = (
    "COPY batch_problems (batch_id, row_number, n, line, row_id, column_name, code, message, expected) "
    "FROM STDIN"
)


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


def write(session: Session, batch: BatchRecord, slice_: Slice, lease: Lease) -> bool:
    """Write a slice down and renew the lease; False where the batch is not held: nothing is written."""
    values = lease.values() | {
        "id": batch.id,
        "before": slice_.before,
        "after": slice_.after,
        "bad": slice_.bad,
        "quotes": slice_.quotes,
        "sandbox": any(row.likeness.sandbox for row in slice_.rows),
    }
    if session.connection().execute(_GO_ON, values).one_or_none() is None:
        return False
    found = copied(slice_.rows, project_id=batch.project_id, batch_id=batch.id, at=lease.now)
    connection = _driver(session)
    _copy(connection, JOBS, found.jobs)
    _copy(connection, WAITS, found.waits)
    if slice_.problems:
        _copy_problems(connection, batch.id, slice_.problems)
    return True


def finish(session: Session, batch_id: UUID, *, owner: str, at: datetime) -> bool:
    """Note that the whole file is read; False where the batch is held no more."""
    given = {"id": batch_id, "owner": owner, "at": at}
    return session.connection().execute(_FINISH, given).one_or_none() is not None


def refuse(session: Session, batch: BatchRecord, problems: Sequence[RowProblem]) -> None:
    """Write down what is wrong with the rows of a file of which nothing is run."""
    batch.read_rows, batch.bad_rows = batch.rows, len({problem.row for problem in problems})
    session.flush()
    _copy_problems(_driver(session), batch.id, problems)


def _driver(session: Session) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)


def _copy(connection: psycopg.Connection[Any], statement: str, lines: str) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(lines)


def _copy_problems(
    connection: psycopg.Connection[Any], batch_id: UUID, problems: Sequence[RowProblem]
) -> None:
    with connection.cursor() as cursor, cursor.copy(_PROBLEMS.encode()) as copy:
        for row in _problem_rows(batch_id, problems):
            copy.write_row(row)


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
