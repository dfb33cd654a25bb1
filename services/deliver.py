"""Telling customers: one signed POST per try, every try on record, the next one decided by the schedule."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.callbacks import Delivered, GivenUp, TryAgain, after_try
from outbound.callbacks import Answer, sign
from services.runtime import Runtime
from storage import access, agenda, callbacks, jobs
from storage.database import Session
from storage.records import DeliveryRecord, DeliveryTryRecord, EventRecord

_LEASE: Final = timedelta(seconds=40)


def deliver(runtime: Runtime, delivery_ids: Sequence[UUID], *, owner: str) -> None:
    """Try once each to tell customers; passes over what is done or in another worker's hands."""
    for delivery_id in delivery_ids:
        _deliver(runtime, delivery_id, owner)


def _deliver(runtime: Runtime, delivery_id: UUID, owner: str) -> None:
    with runtime.database.work() as session:
        if not callbacks.take(session, delivery_id, owner=owner, now=runtime.clock(), lease=_LEASE):
            return
        delivery = callbacks.delivery(session, delivery_id)
        event = callbacks.event_of(session, delivery.event_id)
        sealed = access.project(session, delivery.project_id).signing_secret
    at = runtime.clock()
    body = event.body.encode()
    headers = sign([runtime.secrets.open(sealed)], str(event.id), at, body)
    answer = runtime.sender.post(delivery.url, body, headers)
    runtime.database.insist(lambda session: _record(runtime, session, delivery_id, event, answer))


def _record(
    runtime: Runtime, session: Session, delivery_id: UUID, event: EventRecord, answer: Answer
) -> None:
    delivery = callbacks.lock_delivery(session, delivery_id)
    if delivery is None or delivery.status != "pending":
        return
    at = runtime.clock()
    delivery.tries += 1
    delivery.owner = None
    callbacks.keep_try(session, _try(delivery, answer, at=at))
    chance = secrets.randbelow(1000) / 1000
    follows = after_try(
        tries=delivery.tries,
        ok=answer.ok,
        status=answer.status,
        retry_after=answer.retry_after,
        chance=chance,
    )
    match follows:
        case Delivered():
            delivery.status, delivery.next_at, delivery.ended_at = "delivered", None, at
            if event.job_id is not None:
                data = {"event": event.type, "delivery_id": str(delivery.id)}
                jobs.note(session, event.job_id, "called_back", at, data=data)
        case GivenUp():
            delivery.status, delivery.next_at, delivery.ended_at = "failed", None, at
        case TryAgain(seconds):
            delivery.next_at = at + timedelta(seconds=seconds)
            agenda.wake(session)


def _try(delivery: DeliveryRecord, answer: Answer, *, at: datetime) -> DeliveryTryRecord:
    return DeliveryTryRecord(
        delivery_id=delivery.id,
        number=delivery.tries,
        at=at,
        status_code=answer.status,
        milliseconds=round(answer.seconds * 1000),
        answer=answer.excerpt,
        error=answer.error,
    )
