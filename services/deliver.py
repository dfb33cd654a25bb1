"""Telling customers: one signed POST per try, every try on record, the next one decided by the schedule."""

import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.callbacks import TEST, Delivered, GivenUp, TryAgain, after_try
from outbound.callbacks import Answer, sign
from services.endpoints import endpoint_view, own
from services.runtime import Runtime
from services.views import delivery_view, timestamp
from storage import agenda, callbacks, endpoints, listing
from storage.database import Session
from storage.records import DeliveryRecord, EndpointRecord, EventRecord
from storage.records.columns import new_id
from storage.steps import telling
from storage.steps.telling import Telling, Told

# A try is over within 15 s; one whose worker died comes due again soon after that.
_LEASE: Final = timedelta(seconds=20)
# As many as a note may carry, each of which may have to wait for its receiver.
_SIDE_BY_SIDE: Final = 16
_FAILING: Final = timedelta(days=5)
_GONE: Final = 410


def deliver(runtime: Runtime, delivery_ids: Sequence[UUID], *, owner: str) -> None:
    """Try once each to tell customers; passes over what is done or in another worker's hands."""
    if len(delivery_ids) == 1:
        _deliver(runtime, delivery_ids[0], owner)
        return
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "deliver") as pool:
        for done in [pool.submit(_deliver, runtime, one, owner) for one in delivery_ids]:
            done.result()


def try_endpoint(runtime: Runtime, project_id: UUID, endpoint_id: UUID) -> dict[str, Any]:
    """Send an endpoint a ``webhook.test`` event, once and now; answers the delivery with what came back.

    One that is disabled is tried, too, and what comes of it changes nothing. Raises NotFound.
    """
    at = runtime.clock()
    with runtime.database.work() as session:
        endpoint = own(session, project_id, endpoint_id)
        event = _event(endpoint, "webhook.test", at)
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
        taken = telling.take(session, delivery.id, owner=f"test:{delivery.id}", now=at, lease=_LEASE)
    if taken is not None:
        answer = _post(runtime, taken)
        runtime.database.insist(lambda session: _record(runtime, session, taken, answer))
    with runtime.database.work() as session:
        told, event = listing.delivery(session, project_id, delivery.id) or (delivery, event)
        return delivery_view(told, event, listing.tries_among(session, [told.id]))


def _deliver(runtime: Runtime, delivery_id: UUID, owner: str) -> None:
    with runtime.database.work() as session:
        taken = telling.take(session, delivery_id, owner=owner, now=runtime.clock(), lease=_LEASE)
    if taken is None:
        return
    answer = _post(runtime, taken)
    runtime.database.insist(lambda session: _record(runtime, session, taken, answer))


def _post(runtime: Runtime, taken: Telling) -> Answer:
    """One try, signed by every secret that is good now, the newest first."""
    body = taken.body.encode()
    sealed = [one for one in (taken.signing_secret, taken.former_secret) if one is not None]
    headers = sign([runtime.secrets.open(one) for one in sealed], str(taken.event_id), runtime.clock(), body)
    return runtime.sender.post(taken.url, body, headers)


def _record(runtime: Runtime, session: Session, taken: Telling, answer: Answer) -> None:
    before = telling.tries(session, taken.id)
    if before is None:
        return
    tries, number = before
    at = runtime.clock()
    status, next_at = _follows(answer, taken.type, tries=tries + 1, at=at)
    told = Told(
        delivery_id=taken.id,
        number=number + 1,
        tries=tries + 1,
        at=at,
        status_code=answer.status,
        milliseconds=round(answer.seconds * 1000),
        answer=answer.excerpt,
        error=answer.error,
        status=status,
        next_at=next_at,
        job_id=taken.job_id,
        event_type=taken.type,
    )
    telling.record(session, told)
    if taken.endpoint_id is not None and taken.type != TEST:
        _judge(session, taken.endpoint_id, answer, at)
    if next_at is not None:
        agenda.wake(session)


def _judge(session: Session, endpoint_id: UUID, answer: Answer, at: datetime) -> None:
    """Keep in mind how an endpoint does; one that is gone, or failed for days, is disabled and says so."""
    if answer.ok:
        endpoints.succeeded(session, endpoint_id)
        return
    endpoint = endpoints.lock(session, endpoint_id)
    if not endpoint.enabled:
        return
    endpoint.failing_since = endpoint.failing_since or at
    if answer.status == _GONE:
        endpoint.disabled_reason = "it answered 410: gone"
    elif at - endpoint.failing_since >= _FAILING:
        since = timestamp(endpoint.failing_since)
        endpoint.disabled_reason = f"every try has failed for {_FAILING.days} days, since {since}"
    else:
        return
    endpoint.enabled = False
    endpoints.give_up_pending(session, endpoint.id, at)
    session.flush()
    callbacks.add_event(session, _event(endpoint, "webhook-endpoint.disabled", at))


def _event(endpoint: EndpointRecord, type_: str, at: datetime) -> EventRecord:
    body = {"type": type_, "timestamp": timestamp(at), "data": endpoint_view(endpoint)}
    return EventRecord(
        id=new_id(),
        project_id=endpoint.project_id,
        type=type_,
        body=json.dumps(body, ensure_ascii=False),
        created_at=at,
    )


def _follows(answer: Answer, type_: str, *, tries: int, at: datetime) -> tuple[str, datetime | None]:
    """The state of a delivery after ``tries``, and when it is tried again; a test is tried once."""
    if type_ == TEST and not answer.ok:
        return "failed", None
    chance = secrets.randbelow(1000) / 1000
    match after_try(
        tries=tries, ok=answer.ok, status=answer.status, retry_after=answer.retry_after, chance=chance
    ):
        case Delivered():
            return "delivered", None
        case GivenUp():
            return "failed", None
        case TryAgain(seconds):
            return "pending", at + timedelta(seconds=seconds)
