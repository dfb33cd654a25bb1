"""One try at telling a customer: taken with all that it needs, and written down with what follows from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from storage.steps.rows import rows

# Free is what is due, and what a watcher has let out for this very message.
_TAKE: Final = text(
    """
    WITH taken AS (
        UPDATE deliveries SET owner = :owner, next_at = :until
        WHERE id = :id AND status = 'pending'
          AND (next_at <= :now OR owner LIKE 'watcher:%')
        RETURNING id, url, event_id, project_id, endpoint_id)
    SELECT taken.id, taken.url, taken.endpoint_id, events.id AS event_id, events.type, events.job_id,
        events.body, COALESCE(endpoint.secret, projects.signing_secret) AS signing_secret,
        CASE WHEN endpoint.id IS NULL AND projects.former_until > :now THEN projects.former_secret
            WHEN endpoint.former_until > :now THEN endpoint.former_secret END AS former_secret
    FROM taken JOIN events ON events.id = taken.event_id JOIN projects ON projects.id = taken.project_id
    LEFT JOIN webhook_endpoints AS endpoint ON endpoint.id = taken.endpoint_id
    """
)

# Sent again by hand, a delivery begins its schedule anew, and the numbers of its tries go on.
_TRIES: Final = text(
    """
    SELECT tries, (SELECT COALESCE(max(number), 0) FROM delivery_tries WHERE delivery_id = :id) AS number
    FROM deliveries WHERE id = :id AND status = 'pending' FOR UPDATE
    """
)

_RECORD: Final = text(
    """
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told(
            delivery_id uuid, number int, tries int, at timestamptz, status_code int, milliseconds int,
            answer text, error text, status text, next_at timestamptz, job_id uuid, event_type text)),
    moved AS (
        UPDATE deliveries SET tries = told.tries, owner = NULL, status = told.status,
            next_at = told.next_at, ended_at = CASE WHEN told.next_at IS NULL THEN told.at END
        FROM told WHERE deliveries.id = told.delivery_id),
    kept AS (
        INSERT INTO delivery_tries (delivery_id, number, at, status_code, milliseconds, answer, error)
        SELECT delivery_id, number, at, status_code, milliseconds, answer, error FROM told)
    INSERT INTO job_events (job_id, type, at, data)
    SELECT job_id, 'called_back', at, jsonb_build_object('event', event_type, 'delivery_id', delivery_id)
    FROM told WHERE status = 'delivered' AND job_id IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A delivery that was taken: where to, the event as it is signed, and the secrets, still sealed.

    ``former_secret`` is the one before, while it signs too.
    """

    id: UUID
    url: str
    endpoint_id: UUID | None
    event_id: UUID
    type: str
    job_id: UUID | None
    body: str
    signing_secret: bytes
    former_secret: bytes | None


@dataclass(frozen=True, slots=True)
class Told:
    """One try: its number, which one of its schedule it was (``tries``), and what follows from it.

    ``status`` is the delivery's state after it, ``next_at`` when the next try is due, if there is one.
    """

    delivery_id: UUID
    number: int
    tries: int
    at: datetime
    status_code: int | None
    milliseconds: int
    answer: str
    error: str | None
    status: str
    next_at: datetime | None
    job_id: UUID | None
    event_type: str


def take(
    session: Session, delivery_id: UUID, *, owner: str, now: datetime, lease: timedelta
) -> Telling | None:
    """Hold one delivery for a try; None where it is done, not due, or another worker has it.

    As for jobs: a message that comes late or twice cannot try ahead of the schedule.
    """
    given = {"id": delivery_id, "owner": owner, "now": now, "until": now + lease}
    row = session.connection().execute(_TAKE, given).mappings().one_or_none()
    return None if row is None else Telling(**row)


def tries(session: Session, delivery_id: UUID) -> tuple[int, int] | None:
    """How often a delivery was tried in its schedule, and at all; it is locked now. None once it is done."""
    found = session.connection().execute(_TRIES, {"id": delivery_id}).one_or_none()
    return None if found is None else (found.tries, found.number)


def record(session: Session, told: Told) -> None:
    """Write a try down; the job's timeline is told of the one that was heard."""
    session.connection().execute(_RECORD, {"told": rows([told])})
