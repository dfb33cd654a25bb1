"""Queries over jobs, and the one place where a job or an attempt changes its state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from domain.lanes import Lane
from domain.lifecycle import AttemptStatus, JobStatus, MoveRefused, attempt_may_move, job_may_move
from storage.records import AgendaRecord, AssetRecord, AttemptRecord, JobEventRecord, JobRecord


def job(session: Session, job_id: UUID) -> JobRecord | None:
    """The job as it stands."""
    return session.exec(select(JobRecord).where(JobRecord.id == job_id)).one_or_none()


def lock_attempt(session: Session, attempt_id: UUID) -> tuple[JobRecord, AttemptRecord]:
    """An attempt and its job, both held until the unit of work ends; the job is always locked first."""
    job_id = session.exec(select(AttemptRecord.job_id).where(AttemptRecord.id == attempt_id)).one()
    job = session.exec(_locked(job_id)).one()
    attempt = session.exec(select(AttemptRecord).where(AttemptRecord.id == attempt_id)).one()
    return job, attempt


def lock_job(session: Session, job_id: UUID) -> JobRecord | None:
    """The job, held against every other writer until the unit of work ends; None when there is none."""
    return session.exec(_locked(job_id)).one_or_none()


def job_of_project(session: Session, project_id: UUID, job_id: UUID) -> JobRecord | None:
    """A project's own job; another project's is None."""
    found = select(JobRecord).where(JobRecord.id == job_id, JobRecord.project_id == project_id)
    return session.exec(found).one_or_none()


def attempts_of(session: Session, job_ids: Sequence[UUID]) -> Sequence[AttemptRecord]:
    """The attempts of the jobs, in order."""
    found = select(AttemptRecord).where(col(AttemptRecord.job_id).in_(job_ids))
    return session.exec(found.order_by(col(AttemptRecord.job_id), col(AttemptRecord.number))).all()


def last_attempt(session: Session, job_id: UUID) -> AttemptRecord | None:
    """The newest attempt of a job."""
    found = select(AttemptRecord).where(AttemptRecord.job_id == job_id)
    return session.exec(found.order_by(col(AttemptRecord.number).desc()).limit(1)).one_or_none()


def attempt_by_token(session: Session, token: str) -> AttemptRecord | None:
    """The attempt that carried ``token`` to the provider."""
    return session.exec(select(AttemptRecord).where(AttemptRecord.token == token)).one_or_none()


def assets_of(session: Session, job_ids: Sequence[UUID]) -> Sequence[AssetRecord]:
    """The assets of the jobs, in order."""
    found = select(AssetRecord).where(col(AssetRecord.job_id).in_(job_ids))
    return session.exec(found.order_by(col(AssetRecord.job_id), col(AssetRecord.n))).all()


def timeline_of(session: Session, job_id: UUID, *, after: int = 0) -> Sequence[JobEventRecord]:
    """The events of a job's timeline, in order, from after the event ``after``."""
    found = select(JobEventRecord).where(JobEventRecord.job_id == job_id, col(JobEventRecord.id) > after)
    return session.exec(found.order_by(col(JobEventRecord.id))).all()


def last_noted(session: Session, job_id: UUID, type_: str) -> datetime | None:
    """When a step of that type was last written to a job's timeline; None when it never was."""
    found = select(JobEventRecord.at).where(JobEventRecord.job_id == job_id, JobEventRecord.type == type_)
    return session.exec(found.order_by(col(JobEventRecord.id).desc()).limit(1)).one_or_none()


def move_job(session: Session, job: JobRecord, to: JobStatus, **values: Any) -> None:  # noqa: ANN401 - columns
    """Change a job's state, checked against the table of moves and again by the database.

    Raises:
        MoveRefused: the table has no such move, or the row was no longer where ``job`` says.
    """
    old = JobStatus(job.status)
    if not job_may_move(old, to):
        raise MoveRefused(f"a job that is {old} cannot become {to}")
    statement = (
        update(JobRecord)
        .where(col(JobRecord.id) == job.id, col(JobRecord.status) == old)
        .values(status=to, **values)
    )
    _expect_one(session, statement, f"the job was no longer {old}")


def move_attempt(
    session: Session,
    attempt: AttemptRecord,
    to: AttemptStatus,
    **values: Any,  # noqa: ANN401 - columns
) -> None:
    """Change an attempt's state; as ``move_job``."""
    old = AttemptStatus(attempt.status)
    if not attempt_may_move(old, to):
        raise MoveRefused(f"an attempt that is {old} cannot become {to}")
    statement = (
        update(AttemptRecord)
        .where(col(AttemptRecord.id) == attempt.id, col(AttemptRecord.status) == old)
        .values(status=to, **values)
    )
    _expect_one(session, statement, f"the attempt was no longer {old}")


def past_deadline(session: Session, now: datetime, *, most: int) -> Sequence[UUID]:
    """Jobs that go on although their deadline has passed and nobody has asked them to stop."""
    going = (JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.RUNNING)
    found = select(JobRecord.id).where(
        col(JobRecord.deadline_at) <= now,
        col(JobRecord.ended_at).is_(None),
        col(JobRecord.cancel_requested_at).is_(None),
        col(JobRecord.status).in_(going),
    )
    return session.exec(found.order_by(col(JobRecord.deadline_at)).limit(most)).all()


def due_in_lane(session: Session, lane: Lane, now: datetime, *, most: int) -> Sequence[JobRecord]:
    """Jobs that wait for an endpoint and are due, each held until the unit of work ends."""
    found = (
        select(JobRecord)
        .join(AgendaRecord, col(AgendaRecord.job_id) == col(JobRecord.id))
        .where(
            AgendaRecord.provider == lane.provider,
            AgendaRecord.endpoint == lane.endpoint,
            AgendaRecord.status == JobStatus.QUEUED,
            col(AgendaRecord.next_at) <= now,
            JobRecord.status == JobStatus.QUEUED,
        )
        .limit(most)
        .with_for_update(of=JobRecord, skip_locked=True)
    )
    return session.exec(found).all()


def note(
    session: Session,
    job_id: UUID,
    type_: str,
    at: datetime,
    *,
    attempt: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write one step of a job's timeline."""
    session.add(JobEventRecord(job_id=job_id, type=type_, attempt=attempt, at=at, data=dict(data or {})))


def _locked(job_id: UUID) -> SelectOfScalar[JobRecord]:
    """The job as it stands once it is locked, also where this unit of work has read it before."""
    found = select(JobRecord).where(JobRecord.id == job_id).with_for_update()
    return found.execution_options(populate_existing=True)


def _expect_one(session: Session, statement: Any, otherwise: str) -> None:  # noqa: ANN401 - an UPDATE
    session.flush()
    result: CursorResult[Any] = session.exec(statement)
    if result.rowcount != 1:
        raise MoveRefused(otherwise)
