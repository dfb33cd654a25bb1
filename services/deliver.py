"""Telling customers: one signed POST per try, every try on record, the next one decided by the schedule."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.callbacks import Delivered, GivenUp, TryAgain, after_try
from outbound.callbacks import Answer, sign
from services.runtime import Runtime
from storage import agenda
from storage.database import Session
from storage.steps import telling
from storage.steps.telling import Telling, Told

_LEASE: Final = timedelta(seconds=40)


def deliver(runtime: Runtime, delivery_ids: Sequence[UUID], *, owner: str) -> None:
    """Try once each to tell customers; passes over what is done or in another worker's hands."""
    for delivery_id in delivery_ids:
        _deliver(runtime, delivery_id, owner)


def _deliver(runtime: Runtime, delivery_id: UUID, owner: str) -> None:
    with runtime.database.work() as session:
        taken = telling.take(session, delivery_id, owner=owner, now=runtime.clock(), lease=_LEASE)
    if taken is None:
        return
    body = taken.body.encode()
    secret = runtime.secrets.open(taken.signing_secret)
    headers = sign([secret], str(taken.event_id), runtime.clock(), body)
    answer = runtime.sender.post(taken.url, body, headers)
    runtime.database.insist(lambda session: _record(runtime, session, taken, answer))


def _record(runtime: Runtime, session: Session, taken: Telling, answer: Answer) -> None:
    tries = telling.tries(session, taken.id)
    if tries is None:
        return
    at = runtime.clock()
    status, next_at = _follows(answer, tries=tries + 1, at=at)
    told = Told(
        delivery_id=taken.id,
        number=tries + 1,
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
    if next_at is not None:
        agenda.wake(session)


def _follows(answer: Answer, *, tries: int, at: datetime) -> tuple[str, datetime | None]:
    """The state of a delivery after ``tries``, and when it is tried again."""
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
