"""What was not billed as it was booked, as customers see it: each attempt with both amounts, and why."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.reading import Slice, cursor, position
from services.runtime import Runtime
from services.views import money, timestamp
from storage.costs import differences
from storage.costs.differences import Wanted


def listed(runtime: Runtime, project_id: UUID, wanted: Wanted, part: Slice) -> dict[str, Any]:
    """A page of a project's differences, the newest attempts first; raises Unprocessable."""
    before = None if part.cursor is None else position(part.cursor)
    with runtime.database.work() as session:
        found = differences.page(session, project_id, wanted, before=before, most=part.limit + 1)
    shown = found[: part.limit]
    more = len(found) > part.limit
    return {
        "object": "list",
        "data": [_view(row) for row in shown],
        "next_cursor": cursor(shown[-1]["attempt_id"]) if more else None,
    }


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    booked, invoiced = row["booked_nano"], row["invoiced_nano"]
    both = booked is not None and invoiced is not None
    subtotal = row["subtotal_nano"]
    off = None if subtotal is None or invoiced is None else money(subtotal - invoiced)
    return {
        "object": "difference",
        "job_id": str(row["job_id"]),
        "attempt": row["number"],
        "provider": row["provider"],
        "endpoint": row["endpoint"],
        "provider_request_id": row["provider_request_id"],
        "booked": money(booked),
        "invoiced": money(invoiced),
        "difference": money(invoiced - booked) if both else None,
        "why": row["why"],
        "since": timestamp(row["since"]),
        "asked_again_at": timestamp(row["next_at"]),
        "bill": None if row["events"] is None else _bill(row, off),
        "sandbox": row["sandbox"],
    }


def _bill(row: Mapping[str, Any], off: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "events": row["events"],
        "discount": off,
        "units": _plain(row["units"]),
        "unit_price_usd": _plain(row["billed_price"]),
        "sent_at_unit_price_usd": _plain(row["sent_at_price"]),
    }


def _plain(number: Any) -> str | None:  # noqa: ANN401 - a Decimal of the database, or null
    return None if number is None else f"{number.normalize():f}"
