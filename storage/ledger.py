"""Bookings: the ledger is only ever appended to, and adds up at any moment."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.records import AttemptRecord, JobRecord, LedgerEntryRecord

HOLDS = ("reserve", "release")
SPENDS = ("settle", "adjust")


def reserve(session: Session, job: JobRecord, nano: int, at: datetime) -> None:
    """Hold what a job may cost."""
    _book(session, job, "reserve", nano, at, basis="quote")


def release(session: Session, job: JobRecord, nano: int, at: datetime) -> None:
    """Free what was held and will not be spent, or has been settled."""
    _book(session, job, "release", -nano, at)


def settle(session: Session, job: JobRecord, attempt: AttemptRecord, at: datetime) -> None:
    """Book what an attempt cost; an unknown cost is no booking at all."""
    if attempt.cost_nano is not None:
        _book(session, job, "settle", attempt.cost_nano, at, basis=attempt.cost_basis, attempt_id=attempt.id)


def adjust(session: Session, job: JobRecord, attempt: AttemptRecord, nano: int, at: datetime) -> None:
    """Book what an attempt cost more, or less, than was booked of it before."""
    if nano:
        _book(session, job, "adjust", nano, at, basis=attempt.cost_basis, attempt_id=attempt.id)


def held_and_spent(session: Session, project_id: UUID) -> tuple[int, int]:
    """What a project holds in reserve and what it has spent, in nano-dollars."""
    return _sum(session, project_id, HOLDS), _sum(session, project_id, SPENDS)


def _book(
    session: Session,
    job: JobRecord,
    kind: str,
    nano: int,
    at: datetime,
    *,
    basis: str | None = None,
    attempt_id: UUID | None = None,
) -> None:
    session.add(
        LedgerEntryRecord(
            project_id=job.project_id,
            job_id=job.id,
            attempt_id=attempt_id,
            kind=kind,
            nano=nano,
            basis=basis,
            at=at,
        )
    )


def _sum(session: Session, project_id: UUID, kinds: tuple[str, ...]) -> int:
    total = func.coalesce(func.sum(LedgerEntryRecord.nano), 0)
    found = select(total).where(
        LedgerEntryRecord.project_id == project_id, col(LedgerEntryRecord.kind).in_(kinds)
    )
    return int(session.exec(found).one())
