"""The events of a project in the order in which they can be read back, and sending them again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from storage.records import EventRecord

# One reader of a project at a time gives places, so they grow in the order of commits: an event that becomes
# visible later, though its id is the smaller one, gets the higher place. No reader can step over it.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('feed ' || CAST(:project AS text), 0))")

_PLACE: Final = text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT id FROM events WHERE project_id = :project AND place IS NULL ORDER BY id LIMIT :most),
    placed AS MATERIALIZED (
        SELECT id, nextval('event_places') AS place FROM (SELECT id FROM fresh ORDER BY id) AS sorted)
    UPDATE events SET place = placed.place FROM placed WHERE events.id = placed.id
    """
)

# An endpoint that is disabled or deleted is not told again, nor is what was erased; a test is never repeated.
_AGAIN: Final = text(
    """
    UPDATE deliveries SET status = 'pending', next_at = :now, tries = 0, owner = NULL, held = false,
        ended_at = NULL
    FROM events
    WHERE events.id = deliveries.event_id AND deliveries.project_id = :project
      AND deliveries.id = ANY(CAST(:ids AS uuid[]))
      AND events.type <> 'webhook.test' AND (deliveries.owner IS NULL OR deliveries.next_at <= :now)
      AND (deliveries.endpoint_id IS NULL
        OR deliveries.endpoint_id IN (SELECT id FROM webhook_endpoints WHERE enabled))
      AND NOT EXISTS (
        SELECT FROM jobs WHERE jobs.id = events.job_id AND jobs.erase_requested_at IS NOT NULL)
    """
)

_RANGE: Final = text(
    """
    SELECT id FROM deliveries
    WHERE project_id = :project AND created_at >= :after AND created_at < :before AND status = :status
      AND (CAST(:endpoint AS uuid) IS NULL OR endpoint_id = CAST(:endpoint AS uuid))
    ORDER BY id FOR UPDATE SKIP LOCKED
    """
)

_FORGET: Final = (
    text(
        """
        DELETE FROM delivery_tries WHERE delivery_id IN (
            SELECT deliveries.id FROM deliveries JOIN events ON events.id = deliveries.event_id
            WHERE events.created_at < :before)
        """
    ),
    text(
        "DELETE FROM deliveries WHERE event_id IN (SELECT id FROM events WHERE events.created_at < :before)"
    ),
    text("DELETE FROM events WHERE created_at < :before"),
)


def give_places(session: Session, project_id: UUID, *, most: int) -> None:
    """Give up to ``most`` events of a project that have none their places in its feed."""
    session.connection().execute(_LOCK, {"project": project_id})
    session.connection().execute(_PLACE, {"project": project_id, "most": most})


def place_of(session: Session, project_id: UUID, event_id: UUID) -> int | None:
    """The place of a project's own event; None where there is none."""
    return session.exec(
        select(EventRecord.place).where(EventRecord.id == event_id, EventRecord.project_id == project_id)
    ).one_or_none()


def page(
    session: Session, project_id: UUID, *, after: int, type_: str | None, limit: int
) -> Sequence[EventRecord]:
    """Up to ``limit`` events behind the place ``after``, in order."""
    found = select(EventRecord).where(EventRecord.project_id == project_id, col(EventRecord.place) > after)
    if type_ is not None:
        found = found.where(EventRecord.type == type_)
    return session.exec(found.order_by(col(EventRecord.place)).limit(limit)).all()


def again(session: Session, project_id: UUID, delivery_id: UUID, now: datetime) -> bool:
    """Have a delivery tried anew, now; False where it is being tried or its endpoint hears nothing."""
    return _again(session, project_id, [delivery_id], now) == 1


def all_again(
    session: Session,
    project_id: UUID,
    *,
    after: datetime,
    before: datetime,
    endpoint_id: UUID | None,
    status: str,
    now: datetime,
) -> int:
    """Have the deliveries that were made from ``after`` until ``before`` tried anew; answers how many."""
    given = {"project": project_id, "after": after, "before": before, "endpoint": endpoint_id}
    found = session.connection().execute(_RANGE, given | {"status": status})
    return _again(session, project_id, list(found.scalars()), now)


def forget_before(session: Session, before: datetime) -> None:
    """Drop events that are older, with their deliveries and tries."""
    for statement in _FORGET:
        session.connection().execute(statement, {"before": before})


def _again(session: Session, project_id: UUID, delivery_ids: Sequence[UUID], now: datetime) -> int:
    given = {"project": project_id, "ids": list(delivery_ids), "now": now}
    return session.connection().execute(_AGAIN, given).rowcount
