"""Queries over attempts whose outcome is unknown, and over who else has a request already."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select, update

from domain.lifecycle import AttemptStatus, JobStatus
from storage.records import AgendaRecord, AttemptRecord, JobRecord

_UNDECIDED = (AttemptStatus.SUBMITTING, AttemptStatus.UNKNOWN)
_WAITING = (JobStatus.SUBMITTING, JobStatus.REVIEW)


def undecided(session: Session, job_ids: Sequence[UUID]) -> list[tuple[JobRecord, AttemptRecord]]:
    """Those of the jobs that hang on an attempt of which not even the request id is known, each with it."""
    found = (
        select(JobRecord, AttemptRecord)
        .join(AttemptRecord, col(AttemptRecord.job_id) == col(JobRecord.id))
        .where(
            col(JobRecord.id).in_(job_ids),
            col(JobRecord.status).in_(_WAITING),
            col(AttemptRecord.number) == col(JobRecord.attempts),
            col(AttemptRecord.status).in_(_UNDECIDED),
            col(AttemptRecord.provider_request_id).is_(None),
        )
    )
    return list(session.exec(found).all())


def known(session: Session, provider: str, request_ids: Collection[str]) -> frozenset[str]:
    """Those of the requests that are some attempt's already."""
    if not request_ids:
        return frozenset()
    found = select(AttemptRecord.provider_request_id).where(
        AttemptRecord.provider == provider, col(AttemptRecord.provider_request_id).in_(list(request_ids))
    )
    return frozenset(one for one in session.exec(found) if one is not None)


def owner_of(session: Session, provider: str, request_id: str) -> AttemptRecord | None:
    """The attempt that a provider's request belongs to, as far as is known; held against a second one.

    Whoever asks for the same request waits until this unit of work has ended.
    """
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    session.connection().execute(lock, {"name": f"request {provider} {request_id}"})
    found = select(AttemptRecord).where(
        AttemptRecord.provider == provider, AttemptRecord.provider_request_id == request_id
    )
    return session.exec(found.order_by(col(AttemptRecord.submitted_at)).limit(1)).one_or_none()


def witnesses(session: Session, attempt: AttemptRecord, before: datetime, *, most: int) -> frozenset[str]:
    """Requests to the same endpoint that were certainly made after ``attempt``, and had ended by ``before``.

    Ids are in order of creation, so this reads what is younger than the attempt and no more.
    """
    found = select(AttemptRecord.provider_request_id).where(
        col(AttemptRecord.id) > attempt.id,
        AttemptRecord.provider == attempt.provider,
        AttemptRecord.endpoint == attempt.endpoint,
        col(AttemptRecord.provider_request_id).is_not(None),
        col(AttemptRecord.detected_at) < before,
    )
    return frozenset(one for one in session.exec(found.limit(most)) if one is not None)


def keep_away(session: Session, job_ids: Sequence[UUID], until: datetime) -> None:
    """Have nobody else look for these until then; should we die, they come due again."""
    mine = col(AgendaRecord.job_id).in_(job_ids) & col(AgendaRecord.status).in_(_WAITING)
    session.exec(update(AgendaRecord).where(mine).values(owner=None, next_at=until))
