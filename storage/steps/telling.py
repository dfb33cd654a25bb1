"""Tries at telling customers: taken with all that they need, and written down with what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.callbacks import Host, HostState
from storage.steps.rows import rows

# Free is what is due, and what a watcher has let out for this very message.
_TAKE: Final = text(
    """
    WITH free AS (
        SELECT id FROM deliveries
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'pending' AND NOT held
          AND (next_at <= :now OR owner LIKE 'watcher:%')
        ORDER BY id FOR UPDATE),
    taken AS (
        UPDATE deliveries SET owner = :owner, next_at = :until FROM free WHERE deliveries.id = free.id
        RETURNING deliveries.id, url, host, event_id, deliveries.project_id, endpoint_id)
    SELECT taken.id, taken.url, taken.host, taken.endpoint_id, events.id AS event_id, events.type,
        events.job_id, events.body, COALESCE(endpoint.secret, projects.signing_secret) AS signing_secret,
        CASE WHEN endpoint.id IS NULL AND projects.former_until > :now THEN projects.former_secret
            WHEN endpoint.former_until > :now THEN endpoint.former_secret END AS former_secret
    FROM taken JOIN events ON events.id = taken.event_id JOIN projects ON projects.id = taken.project_id
    LEFT JOIN webhook_endpoints AS endpoint ON endpoint.id = taken.endpoint_id
    ORDER BY taken.id
    """
)

_HOLD_JOBS: Final = text(
    "SELECT id FROM jobs WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE"
)

# Locked in one order, so that two who write never wait for each other. Sent again by hand, a delivery begins
# its schedule anew, and the numbers of its tries go on.
_TRIES: Final = text(
    """
    WITH open AS (
        SELECT id, tries FROM deliveries
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'pending' ORDER BY id FOR UPDATE)
    SELECT id, tries,
        (SELECT COALESCE(max(number), 0) FROM delivery_tries WHERE delivery_id = open.id) AS number
    FROM open
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

_GIVE_BACK: Final = text(
    """
    UPDATE deliveries SET owner = NULL, next_at = :at
    WHERE id IN (
        SELECT id FROM deliveries
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'pending' AND owner = :owner
        ORDER BY id FOR UPDATE)
    """
)

# A host that answers, and has not failed since, is neither locked nor written.
_HOSTS: Final = text(
    """
    SELECT host, state, failures FROM callback_hosts
    WHERE host = ANY(CAST(:heard AS text[]))
      AND (host = ANY(CAST(:failing AS text[])) OR state <> 'good' OR failures > 0)
    ORDER BY host FOR UPDATE
    """
)
_HEARD: Final = text(
    """
    WITH heard AS (
        SELECT * FROM jsonb_to_recordset(CAST(:heard AS jsonb)) AS heard(
            host text, state text, failures int, tried int, next_at timestamptz))
    UPDATE callback_hosts SET state = heard.state, failures = heard.failures, next_at = heard.next_at,
        failing_since = CASE WHEN heard.failures > 0
            THEN COALESCE(failing_since, CAST(:at AS timestamptz)) END,
        trying = CASE WHEN heard.state = 'good' THEN 0 ELSE GREATEST(trying - heard.tried, 0) END,
        trying_until = CASE WHEN heard.state <> 'good' AND trying > heard.tried THEN trying_until END,
        seen_at = :at
    FROM heard WHERE callback_hosts.host = heard.host
    """
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A delivery that was taken: where to, the event as it is signed, and the secrets, still sealed.

    ``former_secret`` is the one before, while it signs too.
    """

    id: UUID
    url: str
    host: str
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


@dataclass(frozen=True, slots=True)
class Heard:
    """How a host does after ``tried`` tries, and from when on it is tried again."""

    host: str
    state: HostState
    failures: int
    tried: int
    next_at: datetime


def take(
    session: Session, delivery_ids: Sequence[UUID], *, owner: str, now: datetime, lease: timedelta
) -> list[Telling]:
    """Hold deliveries for a try each; those that are done, not due, or another worker's are left out.

    As for jobs: a message that comes late or twice cannot try ahead of the schedule.
    """
    given = {"ids": list(delivery_ids), "owner": owner, "now": now, "until": now + lease}
    return [Telling(**row) for row in session.connection().execute(_TAKE, given).mappings()]


def hold_jobs(session: Session, job_ids: Sequence[UUID]) -> None:
    """Lock jobs whose timelines will be told of deliveries.

    Each step is written under its job's lock: whoever follows the job must not meet a later one first.
    """
    session.connection().execute(_HOLD_JOBS, {"ids": list(job_ids)})


def tries(session: Session, delivery_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """How often deliveries were tried in their schedules, and at all; they are locked now. Done ones lack."""
    found = session.connection().execute(_TRIES, {"ids": list(delivery_ids)})
    return {row.id: (row.tries, row.number) for row in found}


def record(session: Session, told: Sequence[Told]) -> None:
    """Write tries down; the jobs' timelines are told of those that were heard."""
    session.connection().execute(_RECORD, {"told": rows(told)})


def give_back(session: Session, delivery_ids: Sequence[UUID], *, owner: str, at: datetime) -> None:
    """Have deliveries that ``owner`` took, and did not try, be due at ``at``."""
    session.connection().execute(_GIVE_BACK, {"ids": list(delivery_ids), "owner": owner, "at": at})


def hosts(session: Session, heard: Sequence[str], failing: Sequence[str]) -> dict[str, Host]:
    """How those hosts did that now fail, or did not simply answer before; they are locked."""
    found = session.connection().execute(_HOSTS, {"heard": list(heard), "failing": list(failing)})
    return {row.host: Host(HostState(row.state), row.failures) for row in found}


def hear(session: Session, heard: Sequence[Heard], at: datetime) -> None:
    """Write down how hosts do now."""
    session.connection().execute(_HEARD, {"heard": rows(heard), "at": at})
