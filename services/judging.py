"""How endpoints do: one that is gone, or has failed for days, is disabled and says so."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.callbacks import TEST
from outbound.callbacks import Answer
from services.endpoints import endpoint_view
from services.views import timestamp
from storage import endpoints
from storage.database import Session
from storage.records import EndpointRecord, EventRecord
from storage.records.columns import new_id
from storage.steps.telling import Telling

_FAILING: Final = timedelta(days=5)
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint that only failed, locked; ``gone`` when it said that nobody will ever listen."""

    endpoint: EndpointRecord
    gone: bool


def hold(session: Session, tried: Sequence[tuple[Telling, Answer]]) -> list[Failing]:
    """Note which endpoints answered well, and lock those that only failed: before their deliveries are.

    A test changes nothing.
    """
    answers: dict[UUID, list[Answer]] = {}
    for taken, answer in tried:
        if taken.endpoint_id is not None and taken.type != TEST:
            answers.setdefault(taken.endpoint_id, []).append(answer)
    well = sorted(one for one, given in answers.items() if any(answer.ok for answer in given))
    if well:
        endpoints.succeeded(session, well)
    failing = sorted(answers.keys() - set(well))
    locked = endpoints.lock(session, failing) if failing else []
    return [Failing(one, any(answer.status == _GONE for answer in answers[one.id])) for one in locked]


def judge(session: Session, failing: Sequence[Failing], at: datetime) -> None:
    """Disable the endpoints that are gone or have failed for days, and give up what waits for them."""
    for one in failing:
        if one.endpoint.enabled:
            _judge(session, one, at)


def event_of(endpoint: EndpointRecord, type_: str, at: datetime) -> EventRecord:
    """An event that is about an endpoint."""
    body = {"type": type_, "timestamp": timestamp(at), "data": endpoint_view(endpoint)}
    return EventRecord(
        id=new_id(),
        project_id=endpoint.project_id,
        type=type_,
        body=json.dumps(body, ensure_ascii=False),
        created_at=at,
    )


def _judge(session: Session, one: Failing, at: datetime) -> None:
    endpoint = one.endpoint
    endpoint.failing_since = endpoint.failing_since or at
    if one.gone:
        endpoint.disabled_reason = "it answered 410: gone"
    elif at - endpoint.failing_since >= _FAILING:
        since = timestamp(endpoint.failing_since)
        endpoint.disabled_reason = f"every try has failed for {_FAILING.days} days, since {since}"
    else:
        return
    endpoint.enabled = False
    endpoints.give_up_pending(session, endpoint.id, at)
    session.flush()
    session.add(event_of(endpoint, "webhook-endpoint.disabled", at))
