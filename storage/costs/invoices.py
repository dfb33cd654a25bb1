"""Attempts whose bill is still to come: claimed when due, and written on as answers come."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.billing import Why

_IS_HELD: Final = text("SELECT EXISTS (SELECT FROM billing_marks WHERE name = :name AND held_until > :now)")
_HOLD_BACK: Final = text(
    "UPDATE billing_marks SET held_until = :until, failures = failures + 1 WHERE name = :name"
)
_FAILURES: Final = text("SELECT failures FROM billing_marks WHERE name = :name")
_ANSWERED: Final = text(
    "UPDATE billing_marks SET held_until = NULL, failures = 0 WHERE name = :name AND failures > 0"
)
_CLAIM: Final = text(
    """
    WITH due AS (
        SELECT attempt_id FROM invoices WHERE provider = :name AND next_at <= :now
        ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE invoices SET next_at = :until FROM due WHERE invoices.attempt_id = due.attempt_id
        RETURNING invoices.attempt_id, invoices.looks)
    SELECT taken.attempt_id, taken.looks, attempt.provider_request_id AS request_id, attempt.submitted_at,
        attempt.cost_nano, attempt.invoiced_nano
    FROM taken CROSS JOIN LATERAL (
        SELECT * FROM attempts WHERE attempts.id = taken.attempt_id OFFSET 0) AS attempt
    """
)
_GIVE_BACK: Final = text(
    "UPDATE invoices SET next_at = :at WHERE attempt_id = ANY(CAST(:ids AS uuid[])) AND next_at = :until"
)
# As they were booked, which they mostly are: nothing but that is to be written. The attempts are written
# before their events, as the sums of costs want it.
_AGREE: Final = text(
    """
    UPDATE attempts SET invoiced_nano = told.nano
    FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told(attempt_id uuid, nano bigint)
    WHERE attempts.id = told.attempt_id AND attempts.cost_nano = told.nano AND attempts.cost_final
        AND attempts.invoiced_nano IS NULL AND attempts.status IN ('succeeded', 'failed', 'canceled')
    RETURNING attempts.id, attempts.job_id, attempts.number, attempts.invoiced_nano
    """
)
_NOTE: Final = text(
    """
    INSERT INTO job_events (job_id, type, attempt, at, data)
    SELECT job_id, 'invoiced', number, :at, jsonb_build_object('invoiced_nano', invoiced_nano)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS noted(job_id uuid, number int, invoiced_nano bigint)
    """
)
_LATER: Final = text(
    """
    UPDATE invoices SET next_at = :at, looks = looks + 1
    WHERE attempt_id = ANY(CAST(:ids AS uuid[])) AND next_at IS NOT NULL
    """
)
_TOLD: Final = text(
    """
    UPDATE invoices SET next_at = :at, looks = looks + 1, since = :now, why = CAST(:why AS varchar),
        booked_nano = CASE WHEN invoices.events IS NULL THEN CAST(:booked AS bigint) ELSE booked_nano END,
        subtotal_nano = :subtotal, events = :events, units = :units, unit_price = :unit_price
    WHERE attempt_id = :id
    """
)
_GIVE_UP: Final = text(
    """
    UPDATE invoices SET next_at = NULL, looks = looks + 1, why = :why, since = :now
    WHERE attempt_id = ANY(CAST(:ids AS uuid[]))
    """
)
# One that was billed as it was booked has nothing left to tell.
_FINISH: Final = (
    text(
        """
        DELETE FROM invoices WHERE attempt_id = ANY(CAST(:ids AS uuid[]))
            AND (why IS NULL OR why = 'unknown')
        """
    ),
    text(
        """
        UPDATE invoices SET next_at = NULL, looks = looks + 1
        WHERE attempt_id = ANY(CAST(:ids AS uuid[]))
        """
    ),
)


@dataclass(frozen=True, slots=True)
class Due:
    """An attempt whose provider is to be asked what it charged; ``looks`` is how often it has answered."""

    attempt_id: UUID
    looks: int
    request_id: str
    submitted_at: datetime
    cost_nano: int | None
    invoiced_nano: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """What is kept of a bill that is not what was booked; see ``InvoiceRecord``."""

    why: Why
    booked: int | None
    subtotal: int | None
    events: int
    units: Decimal | None
    unit_price: Decimal | None


def is_held(session: Session, name: str, now: datetime) -> bool:
    """Whether the provider is left alone just now."""
    return bool(session.connection().execute(_IS_HELD, {"name": name, "now": now}).scalar_one())


def failures(session: Session, name: str) -> int:
    """How many questions in a row have failed."""
    return int(session.connection().execute(_FAILURES, {"name": name}).scalar_one_or_none() or 0)


def hold_back(session: Session, name: str, until: datetime) -> None:
    """Leave the provider alone until then: one more question has failed."""
    session.connection().execute(_HOLD_BACK, {"name": name, "until": until})


def answered(session: Session, name: str) -> None:
    """Note that the provider answers."""
    session.connection().execute(_ANSWERED, {"name": name})


def claim(session: Session, name: str, *, now: datetime, until: datetime, most: int) -> list[Due]:
    """Take attempts that are due; those of a taker that dies come due again at ``until``."""
    given = {"name": name, "now": now, "until": until, "most": most}
    return [Due(**row) for row in session.connection().execute(_CLAIM, given).mappings()]


def give_back(session: Session, ids: Sequence[UUID], *, at: datetime, until: datetime) -> None:
    """Have attempts that were claimed to ``until`` come due at ``at``, as if nobody had been asked."""
    session.connection().execute(_GIVE_BACK, {"ids": list(ids), "at": at, "until": until})


def agree(session: Session, nanos: Mapping[UUID, int], now: datetime) -> list[UUID]:
    """Note the bills of those attempts that were booked finally at just that; answers which these are."""
    told = [{"attempt_id": str(one), "nano": nano} for one, nano in nanos.items()]
    found = session.connection().execute(_AGREE, {"told": json.dumps(told)}).all()
    if not found:
        return []
    noted = [
        {"job_id": str(row.job_id), "number": row.number, "invoiced_nano": row.invoiced_nano} for row in found
    ]
    session.connection().execute(_NOTE, {"rows": json.dumps(noted), "at": now})
    return [row.id for row in found]


def look_again(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    """Have attempts that were answered for come due once more."""
    session.connection().execute(_LATER, {"ids": list(ids), "at": at})


def keep(session: Session, attempt_id: UUID, told: Told, *, now: datetime, at: datetime) -> None:
    """Note a bill that is not what was booked, to be looked at again at ``at``.

    What was booked before the first bill stays.
    """
    given = {"id": attempt_id, "now": now, "at": at, "why": told.why.value, "booked": told.booked}
    given |= {"subtotal": told.subtotal, "events": told.events}
    session.connection().execute(_TOLD, given | {"units": told.units, "unit_price": told.unit_price})


def give_up(session: Session, ids: Sequence[UUID], why: Why, now: datetime) -> None:
    """Ask no more: no price has come."""
    session.connection().execute(_GIVE_UP, {"ids": list(ids), "why": why.value, "now": now})


def finish(session: Session, ids: Sequence[UUID]) -> None:
    """Ask no more: all is told."""
    for statement in _FINISH:
        session.connection().execute(statement, {"ids": list(ids)})
