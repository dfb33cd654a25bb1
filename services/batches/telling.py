"""What a customer is told of a batch: the event as it will be signed, and where it goes."""

import json

from services.batches.views import batch_view
from services.runtime import Runtime
from services.views import timestamp
from storage import callbacks
from storage.database import Session
from storage.records import BatchRecord, EventRecord
from storage.records.columns import new_id


def tell(runtime: Runtime, session: Session, batch: BatchRecord, type_: str) -> None:
    """Write an event of a batch with the move that caused it, and its delivery where one is asked."""
    at = runtime.clock()
    session.flush()
    event_id = new_id()
    view = batch_view(runtime, session, batch)
    body = json.dumps({"type": type_, "timestamp": timestamp(at), "data": view}, ensure_ascii=False)
    event = EventRecord(
        id=event_id,
        project_id=batch.project_id,
        batch_id=batch.id,
        type=type_,
        body=body,
        created_at=at,
    )
    session.add(event)
    if batch.callback_url is not None:
        callbacks.add_delivery(
            session, event_id=event_id, project_id=batch.project_id, url=batch.callback_url, at=at
        )
