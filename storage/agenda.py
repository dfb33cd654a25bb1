"""Due times of open jobs: set as they move, held by lease, and the knock that wakes the watcher."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, select, update

from domain.generation import Priority
from storage.records import AgendaRecord, JobRecord

WAKE_CHANNEL: Final = "darkroom_wake"
ENDED_CHANNEL: Final = "darkroom_ended"
# What a knock says when somebody waits for what was just taken in.
NEW_JOB: Final = "job"

_RESCHEDULE: Final = text(
    """
    UPDATE agenda SET next_at = due.next_at, owner = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS due(job_id, next_at)
    WHERE agenda.job_id = due.job_id AND agenda.owner = :owner
    """
)


def schedule(session: Session, job: JobRecord, next_at: datetime) -> None:
    """Have ``job`` looked at again at ``next_at``, by whoever is free then."""
    row = {
        "job_id": job.id,
        "batch_id": job.batch_id,
        "kind": job.kind,
        "provider": job.provider,
        "endpoint": job.endpoint,
        "priority": Priority(job.priority).place(in_batch=job.batch_id is not None),
        "status": job.status,
        "owner": None,
        "next_at": next_at,
    }
    session.flush()
    statement = insert(AgendaRecord).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["job_id"],
            set_={name: row[name] for name in ("provider", "endpoint", "status", "owner", "next_at")},
        )
    )


def unschedule(session: Session, job_id: UUID) -> None:
    """Take an ended job off the agenda."""
    session.exec(delete(AgendaRecord).where(col(AgendaRecord.job_id) == job_id))


def take(session: Session, job_id: UUID, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Hold one job for a piece of work; False where it is not due, or another worker holds it.

    The watcher's own claim is no obstacle: it ends with the message that brought the caller here. A message
    that comes late or twice finds nothing due, so it cannot shorten a wait that was decided on.
    """
    record_owner = col(AgendaRecord.owner)
    free = (col(AgendaRecord.next_at) <= now) | record_owner.like("watcher:%") | (record_owner == owner)
    statement = (
        update(AgendaRecord)
        .where(col(AgendaRecord.job_id) == job_id, free)
        .values(owner=owner, next_at=now + lease)
    )
    return session.exec(statement).rowcount == 1


def hold(session: Session, job: JobRecord, *, owner: str, until: datetime) -> None:
    """Hold a job that ``owner`` has just moved, in its new state."""
    statement = update(AgendaRecord).where(col(AgendaRecord.job_id) == job.id)
    session.exec(statement.values(owner=owner, next_at=until, status=job.status))


def renew(session: Session, job_ids: Sequence[UUID], *, owner: str, until: datetime) -> None:
    """Hold jobs for longer; does nothing to those that ``owner`` no longer has.

    A row that somebody moves just now is passed over: waiting for it while holding others could deadlock.
    """
    mine = select(AgendaRecord.job_id).where(
        col(AgendaRecord.job_id).in_(job_ids), col(AgendaRecord.owner) == owner
    )
    held = mine.with_for_update(skip_locked=True)
    session.exec(update(AgendaRecord).where(col(AgendaRecord.job_id).in_(held)).values(next_at=until))


def reschedule(session: Session, times: Sequence[tuple[UUID, datetime]], *, owner: str) -> None:
    """Give claimed jobs back, each with the time of its next look; what ``owner`` lost is left alone."""
    if not times:
        return
    ids, moments = zip(*times, strict=True)
    session.connection().execute(_RESCHEDULE, {"ids": list(ids), "times": list(moments), "owner": owner})


def look_now(session: Session, job_id: UUID, now: datetime) -> None:
    """Have a job looked at at once: something was heard of it."""
    statement = update(AgendaRecord).where(col(AgendaRecord.job_id) == job_id)
    session.exec(statement.values(owner=None, next_at=now))
    wake(session)


def wake(session: Session) -> None:
    """Wake the watcher once this unit of work is committed."""
    session.connection().execute(text(f"NOTIFY {WAKE_CHANNEL}"))


def announce_end(session: Session, job_id: UUID) -> None:
    """Tell whoever waits for ``job_id`` that it has ended, once this unit of work is committed."""
    session.connection().execute(
        text("SELECT pg_notify(:channel, :id)"), {"channel": ENDED_CHANNEL, "id": str(job_id)}
    )
