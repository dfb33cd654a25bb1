"""Events read back, and deliveries sent again."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.refusals import Conflict, NotFound, Unprocessable
from services.runtime import Runtime
from services.views import delivery_view, timestamp
from storage import agenda, feed, listing
from storage.records import EventRecord

# More than a page, so that whoever catches up is never far from having all.
_PLACES: Final = 5000


def events(
    runtime: Runtime, project_id: UUID, *, after: UUID | None, type_: str | None, limit: int
) -> dict[str, Any]:
    """The events after the one named, in the order in which they were committed, each as it was signed.

    ``has_more`` says that the page is full: ask again after its last event.

    Raises:
        Unprocessable: there is no event ``after`` in this project, or no more.
    """
    with runtime.database.work() as session:
        feed.give_places(session, project_id, most=_PLACES)
        start = 0 if after is None else feed.place_of(session, project_id, after)
        if start is None:
            raise Unprocessable(
                f"after: there is no event {after} in this project; events are kept for 30 days at least, "
                "so leave it out to read from the oldest one",
                field="after",
            )
        found = feed.page(session, project_id, after=start, type_=type_, limit=limit)
        data = [_event_view(one) for one in found]
    return {"object": "list", "data": data, "has_more": len(data) == limit}


def redeliver(runtime: Runtime, project_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """Have a delivery tried anew, now, by the whole schedule, with the same `webhook-id`.

    Raises:
        NotFound: the project has no such delivery.
        Conflict: it is being tried just now, was a test, or its endpoint is disabled or deleted.
    """
    with runtime.database.work() as session:
        if listing.delivery(session, project_id, delivery_id) is None:
            raise NotFound(f"there is no delivery {delivery_id} in this project")
        if not feed.again(session, project_id, delivery_id, runtime.clock()):
            raise Conflict(
                "this delivery is being tried just now, was a test, its job was erased, or its endpoint is "
                "disabled or deleted: enable the endpoint, or ask again in a minute",
                code="not_redeliverable",
            )
        agenda.wake(session)
    with runtime.database.work() as session:
        found = listing.delivery(session, project_id, delivery_id)
        if found is None:
            raise NotFound(f"there is no delivery {delivery_id} in this project")
        return delivery_view(*found, listing.tries_among(session, [delivery_id]))


def redeliver_range(
    runtime: Runtime,
    project_id: UUID,
    *,
    after: datetime,
    before: datetime,
    endpoint_id: UUID | None,
    status: str,
) -> dict[str, Any]:
    """Have every delivery of that ``status`` made from ``after`` until ``before`` tried anew, now."""
    if after >= before:
        raise Unprocessable("before: must be later than after", field="before")
    now = runtime.clock()
    with runtime.database.work() as session:
        n = feed.all_again(
            session,
            project_id,
            after=after,
            before=before,
            endpoint_id=endpoint_id,
            status=status,
            now=now,
        )
        agenda.wake(session)
    return {"object": "redelivery", "deliveries": n}


def _event_view(event: EventRecord) -> dict[str, Any]:
    return {
        "id": str(event.id),
        "object": "event",
        "type": event.type,
        "job_id": None if event.job_id is None else str(event.job_id),
        "batch_id": None if event.batch_id is None else str(event.batch_id),
        "created_at": timestamp(event.created_at),
        "body": event.body,
    }
