"""Trying an endpoint out: one test event, sent now and once, and what came back."""

from typing import Any
from uuid import UUID

from domain.callbacks import TEST
from services.deliver import LEASE, Courier
from services.endpoints import own
from services.judging import event_of
from services.runtime import Runtime
from services.views import delivery_view
from storage import listing
from storage.records import DeliveryRecord
from storage.steps import telling


def try_endpoint(runtime: Runtime, project_id: UUID, endpoint_id: UUID) -> dict[str, Any]:
    """Send an endpoint a ``webhook.test`` event, once and now; answers the delivery with what came back.

    One that is disabled is tried, too, and what comes of it changes nothing. Raises NotFound.
    """
    at = runtime.clock()
    with runtime.database.work() as session:
        endpoint = own(session, project_id, endpoint_id)
        event = event_of(endpoint, TEST, at)
        delivery = DeliveryRecord(
            event_id=event.id,
            project_id=project_id,
            endpoint_id=endpoint.id,
            url=endpoint.url,
            status="pending",
            next_at=at,
            created_at=at,
        )
        session.add(event)
        session.flush()
        session.add(delivery)
        session.flush()
        owner = f"test:{delivery.id}"
        taken = telling.take(session, [delivery.id], owner=owner, now=at, lease=LEASE)
    courier = Courier(runtime)
    courier.carry(taken, owner=owner)
    courier.finish()
    with runtime.database.work() as session:
        told, event = listing.delivery(session, project_id, delivery.id) or (delivery, event)
        return delivery_view(told, event, listing.tries_among(session, [told.id]))
