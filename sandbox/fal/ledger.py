"""What fal's billing says of requests that have ended: events, and usage summed per endpoint."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.fal.book import FalBook
from sandbox.fal.filters import Span
from sandbox.fal.record import FalRequest
from sandbox.invoice import to_usd


@dataclass(frozen=True, slots=True)
class Charge:
    """A billed request: units as the verdict has them, nano-dollars as the invoice has them."""

    record: FalRequest
    at: datetime
    units: Decimal
    nano: int


def charges(book: FalBook, span: Span, endpoints: list[str], request_ids: list[str]) -> list[Charge]:
    """The charges that billing knows by now, the newest first; it lags behind the requests."""
    found = []
    visible = book.core.clock.now() - timedelta(seconds=book.core.config.billing_delay_seconds)
    wanted = [book.get(request_id) for request_id in request_ids] if request_ids else book
    for record in wanted:
        if record is None or (endpoints and record.endpoint.id not in endpoints):
            continue
        ended = record.ended_at
        if ended is None or ended > visible or not span.holds(ended):
            continue
        units = book.verdict(record).billed or Decimal(0)
        found.append(Charge(record, ended, units, book.line(record).nano_usd))
    return sorted(found, key=lambda charge: charge.at, reverse=True)


def event(charge: Charge) -> dict[str, Any]:
    """One row of ``/models/billing-events``."""
    unpriced = charge.record.script.has("billing_unpriced")
    usd = Decimal(0) if unpriced else to_usd(charge.nano)
    return {
        "request_id": charge.record.id,
        "endpoint_id": charge.record.endpoint.id,
        "timestamp": charge.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "output_units": None if unpriced else charge.units,
        "unit_price": None if unpriced else charge.record.endpoint.unit_price,
        "percent_discount": None,
        "cost_subtotal": usd,
        "cost_discount": 0,
        "cost_total": usd,
        "cost_estimate_nano_usd": 0 if unpriced else charge.nano,
    }


def usage(charged: Iterable[Charge]) -> list[dict[str, Any]]:
    """One row per endpoint for ``/models/usage``."""
    sums: dict[str, tuple[Charge, Decimal, int]] = {}
    for charge in charged:
        first, units, nano = sums.get(charge.record.endpoint.id, (charge, Decimal(0), 0))
        sums[charge.record.endpoint.id] = (first, units + charge.units, nano + charge.nano)
    return [
        {
            "endpoint_id": endpoint_id,
            "unit": first.record.endpoint.unit,
            "quantity": units,
            "unit_price": first.record.endpoint.unit_price,
            "percent_discount": None,
            "cost_subtotal": to_usd(nano),
            "cost_discount": 0,
            "cost_total": to_usd(nano),
            "cost": to_usd(nano),
            "currency": "USD",
        }
        for endpoint_id, (first, units, nano) in sums.items()
    ]
