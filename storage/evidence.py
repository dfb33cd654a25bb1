"""Evidence of prices in the database: which jobs have ended lately, and what is kept of their costs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, select

from domain.evidence import ENOUGH, Evidence, Sample
from storage.records import EvidenceMarkRecord, PriceEvidenceRecord

# What the catalogue expected is no evidence, and a job whose content is erased tells nothing of its inputs.
_ENDED: Final = text(
    """
    SELECT jobs.model, jobs.kind, jobs.input, attempts.provider, attempts.endpoint,
        attempts.sandbox, attempts.unit_price, attempts.cost_nano, attempts.spin_up_nano,
        attempts.detected_at AS at
    FROM (
        SELECT job_id FROM events WHERE id >= :after AND id < :before AND type = 'job.succeeded'
        ORDER BY id DESC LIMIT :most) AS fresh
    JOIN jobs ON jobs.id = fresh.job_id
    JOIN attempts ON attempts.job_id = jobs.id AND attempts.status = 'succeeded'
    WHERE attempts.cost_basis IN ('provider_price', 'billable_units', 'gpu_seconds')
        AND attempts.cost_nano IS NOT NULL AND jobs.input ->> 'prompt' <> ''
    """
)


# Least is lost with what is not enough to go by, or has not been added to for long.
_BOUND: Final = text(
    f"""
    DELETE FROM price_evidence WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM price_evidence ORDER BY n >= {ENOUGH} DESC, last_at DESC OFFSET :most))
    """  # noqa: S608 - a number of ours
)


class Name(NamedTuple):
    """Which jobs are comparable (``domain.evidence``)."""

    provider: str
    endpoint: str
    sandbox: bool
    shape: str
    price: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that brought a result, and what the attempt cost that did."""

    model: str
    kind: str
    input: Mapping[str, Any]
    provider: str
    endpoint: str
    sandbox: bool
    unit_price: Decimal | None
    cost_nano: int
    spin_up_nano: int | None
    at: datetime


def mark(session: Session) -> EvidenceMarkRecord | None:
    """Up to where evidence was taken, held until the unit of work ends; None while another one holds it."""
    return session.exec(select(EvidenceMarkRecord).with_for_update(skip_locked=True)).one_or_none()


def ended(session: Session, *, after: UUID, before: UUID, most: int) -> Sequence[Ended]:
    """The newest jobs that ended between the two events, the newest first."""
    given = {"after": after, "before": before, "most": most}
    return [Ended(**row) for row in session.connection().execute(_ENDED, given).mappings()]


def samples(session: Session, name: Name) -> list[Sample]:
    """What is kept of comparable jobs."""
    row = session.get(PriceEvidenceRecord, tuple(name))
    return [] if row is None else _samples(row)


def keep(session: Session, name: Name, kept: Sequence[Sample], found: Evidence) -> None:
    """Write down what is kept of comparable jobs, and what that comes to."""
    row = name._asdict() | asdict(found)
    row |= {
        "ats": [one.at for one in kept],
        "nanos": [one.nano for one in kept],
        "spin_ups": [one.spin_up_nano for one in kept],
    }
    statement = insert(PriceEvidenceRecord).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=list(Name._fields), set_=row))


def bound(session: Session, most: int) -> None:
    """Keep the evidence of no more than so many kinds of jobs."""
    session.connection().execute(_BOUND, {"most": most})


def stale(session: Session, before: datetime) -> Mapping[Name, list[Sample]]:
    """Everything of which a part is older than ``before``."""
    rows = session.exec(select(PriceEvidenceRecord).where(col(PriceEvidenceRecord.first_at) <= before)).all()
    return {
        Name(row.provider, row.endpoint, row.sandbox, row.shape, row.price): _samples(row) for row in rows
    }


def drop(session: Session, name: Name) -> None:
    """Forget comparable jobs of which nothing is new enough any more."""
    session.exec(
        delete(PriceEvidenceRecord).where(
            *(col(getattr(PriceEvidenceRecord, field)) == value for field, value in name._asdict().items())
        )
    )


def _samples(row: PriceEvidenceRecord) -> list[Sample]:
    parts = zip(row.ats, row.nanos, row.spin_ups, strict=True)
    return [Sample(at, nano, spin_up) for at, nano, spin_up in parts]
