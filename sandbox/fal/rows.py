"""A fal request as a row of the archive, there and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sandbox.fal.endpoints import Endpoint
from sandbox.fal.record import FalRequest
from sandbox.fal.timeline import Segment, Timeline
from sandbox.fal.verdict import Verdict
from sandbox.scenarios import Script, Step

JsonObject = dict[str, Any]


def written(record: FalRequest, erased: Verdict | None) -> JsonObject:
    """The row; ``erased`` is what remains of the verdict once input and output are deleted.

    The endpoint goes in whole, so that a price that changes later does not change what this one costs.
    """
    return {
        "id": record.id,
        "app": record.app,
        "endpoint": asdict(record.endpoint),
        "arguments": record.arguments,
        "script": [asdict(step) for step in record.script.steps],
        "segments": [asdict(segment) for segment in record.timeline.segments],
        "start_timeout": record.timeline.start_timeout,
        "submitted_at": record.submitted_at.isoformat(),
        "base_url": record.base_url,
        "gateway_ids": record.gateway_ids,
        "webhook": record.webhook,
        "stored": record.stored,
        "cancelled_at": record.cancelled_at and record.cancelled_at.isoformat(),
        "erased": erased and asdict(erased),
        "told": record.told,
    }


def read(row: JsonObject) -> tuple[FalRequest, Verdict | None]:
    """The request, and its verdict where it was erased."""
    endpoint, cancelled_at, erased = row["endpoint"], row["cancelled_at"], row["erased"]
    segments = tuple(Segment(**segment) for segment in row["segments"])
    record = FalRequest(
        id=row["id"],
        app=row["app"],
        endpoint=Endpoint(**{**endpoint, "durations": tuple(endpoint["durations"])}),
        arguments=row["arguments"],
        script=Script(Step(**step) for step in row["script"]),
        timeline=Timeline(segments, row["start_timeout"]),
        submitted_at=datetime.fromisoformat(row["submitted_at"]),
        base_url=row["base_url"],
        gateway_ids=tuple(row["gateway_ids"]),
        webhook=row["webhook"],
        stored=row["stored"],
        cancelled_at=cancelled_at and datetime.fromisoformat(cancelled_at),
        erased=erased is not None,
        told=row["told"],
    )
    return record, erased and Verdict(**erased)
