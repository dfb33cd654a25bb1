"""Summing what jobs cost by day, behind a mark in the timelines' events that steps over nothing.

Whoever moves a job, or changes what it cost, notes that in the job's timeline in the same transaction, and
has locked or written the job before that. So a transaction has its number before its events get theirs, and
once all transactions are over that had a number when an event was seen, every event before it is there.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.costs.lines import DAY_KEYS, MEASURES, TAG_KEYS, lines, name_of

# All that follows goes by the indexes, also where nobody has analyzed the tables.
_HOLD: Final = text(
    "SELECT done_to, seen_to, set_config('enable_seqscan', 'off', true) FROM cost_mark FOR UPDATE SKIP LOCKED"
)
_LOOK: Final = text(
    """
    UPDATE cost_mark SET seen_to = COALESCE((SELECT max(id) FROM job_events), 0),
        seen_before = CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
    """
)
# A number that has not been given out yet is another server's: this is a copy of it, and all of it is there.
_ALL_OVER: Final = text(
    """
    SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) >= seen_before
        OR CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) < seen_before
    FROM cost_mark
    """
)
_NEXT: Final = text(
    """
    SELECT max(id) FROM (
        SELECT id FROM job_events WHERE id > :after AND id <= :seen ORDER BY id LIMIT :most) AS next
    """
)
# What is on its way is summed whenever it is asked for; it notes when it is not any more.
_MOVED: Final = text(
    """
    WITH moved AS MATERIALIZED (
        SELECT DISTINCT job_id FROM job_events WHERE id > :after AND id <= :to)
    SELECT job_id FROM moved WHERE NOT EXISTS (SELECT FROM agenda WHERE agenda.job_id = moved.job_id)
    """
)
_DONE: Final = text("UPDATE cost_mark SET done_to = :to")

_TABLES: Final = {"cost_days": "day_id", "cost_tag_days": "tag_day_id"}
_GONE: Final = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in MEASURES)


def _less(table: str, share: str) -> str:
    changes = ", ".join(f"{name} = {table}.{name} - less.{name}" for name in MEASURES)
    return f"""
        UPDATE {table} SET {changes} FROM (SELECT {share} AS id, {_GONE} FROM gone GROUP BY {share}) AS less
        WHERE {table}.id = less.id
    """  # noqa: S608 - made of constants


def _more(table: str, share: str, keys: Sequence[str]) -> str:
    columns = ", ".join(keys)
    changes = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in MEASURES)
    return f"""
        INSERT INTO {table} (id, {columns}, {", ".join(MEASURES)})
        SELECT {share}, {columns}, {_GONE} FROM line GROUP BY {share}, {columns}
        ON CONFLICT (id) DO UPDATE SET {changes}
    """  # noqa: S608 - made of constants


_TAKE_BACK: Final = text(
    f"""
    WITH gone AS (
        DELETE FROM cost_shares WHERE job_id = ANY(CAST(:ids AS uuid[])) RETURNING *),
    days AS ({_less("cost_days", "day_id")})
    {_less("cost_tag_days", "tag_day_id")}
    """  # noqa: S608 - made of constants
)
_ADD: Final = text(
    f"""
    WITH line AS MATERIALIZED (
        SELECT *, {name_of(DAY_KEYS)} AS day_id, {name_of(TAG_KEYS)} AS tag_day_id
        FROM ({lines("unnest(CAST(:ids AS uuid[]))")}) AS lines),
    share AS (
        INSERT INTO cost_shares (job_id, day_id, tag_day_id, {", ".join(MEASURES)})
        SELECT job_id, day_id, tag_day_id, {", ".join(MEASURES)} FROM line),
    days AS ({_more("cost_days", "day_id", DAY_KEYS)})
    {_more("cost_tag_days", "tag_day_id", TAG_KEYS)}
    """  # noqa: S608 - made of constants
)


def look(session: Session) -> None:
    """See how far the events go, where all that was seen before is summed; others step aside for it.

    Nothing is summed up to there before this unit of work is over, which has a number, too.
    """
    mark = session.connection().execute(_HOLD).one_or_none()
    if mark is not None and mark.done_to >= mark.seen_to:
        session.connection().execute(_LOOK)


def step(session: Session, *, most: int) -> bool:
    """Sum the jobs of the next ``most`` events that were seen; False where there is nothing to do now.

    One does it at a time. All of it is done or nothing, and no event twice.
    """
    execute = session.connection().execute
    mark = execute(_HOLD).one_or_none()
    if mark is None or mark.done_to >= mark.seen_to or not execute(_ALL_OVER).scalar_one():
        return False
    # Where the last one was deleted that was seen, what was seen is done.
    given = {"after": mark.done_to, "seen": mark.seen_to, "most": most}
    to = execute(_NEXT, given).scalar_one() or mark.seen_to
    sum_up(session, execute(_MOVED, {"after": mark.done_to, "to": to}).scalars().all())
    execute(_DONE, {"to": to})
    return True


def sum_up(session: Session, job_ids: Sequence[UUID]) -> None:
    """Have the sums hold what these jobs come to now, instead of what they came to before."""
    if job_ids:
        given = {"ids": list(job_ids)}
        session.connection().execute(_TAKE_BACK, given)
        session.connection().execute(_ADD, given)
