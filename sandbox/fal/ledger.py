"""What fal's billing says of requests that have ended: events, and usage summed per endpoint."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.fal import bills
from sandbox.fal.bills import Charge
from sandbox.fal.book import FalBook
from sandbox.fal.filters import Span
from sandbox.invoice import to_usd


def charges(book: FalBook, span: Span, endpoints: list[str], request_ids: list[str]) -> list[Charge]:
    """The charges that billing knows by now, the newest first; it lags behind the requests."""
    found: list[Charge] = []
    now, delay = book.core.clock.now(), book.core.config.billing_delay_seconds
    wanted = [book.get(request_id) for request_id in request_ids] if request_ids else book
    for record in wanted:
        if record is None or (endpoints and record.endpoint.id not in endpoints):
            continue
        ended = record.ended_at
        if ended is None or ended > now or record.script.has("billing_never"):
            continue
        units = book.verdict(record).billed or Decimal(0)
        told = bills.charges(record, units, ended, delay=delay)
        found += [one for one in told if one.seen_at <= now and span.holds(one.at)]
    return sorted(found, key=lambda charge: charge.at, reverse=True)


def event(charge: Charge, now: datetime) -> dict[str, Any]:
    """One row of ``/models/billing-events``."""
    priced = charge.priced(now)
    subtotal, usd = (to_usd(charge.subtotal), to_usd(charge.nano)) if priced else (Decimal(0), Decimal(0))
    return {
        "request_id": charge.record.id,
        "endpoint_id": charge.record.endpoint.id,
        "timestamp": charge.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "output_units": charge.units if priced else None,
        "unit_price": charge.record.endpoint.unit_price if priced else None,
        "percent_discount": charge.percent if priced else None,
        "cost_subtotal": subtotal,
        "cost_discount": subtotal - usd,
        "cost_total": usd,
        "cost_estimate_nano_usd": charge.nano if priced else 0,
    }


def usage(charged: Iterable[Charge]) -> list[dict[str, Any]]:
    """One row per endpoint for ``/models/usage``."""
    sums: dict[str, tuple[Charge, Decimal, int, int]] = {}
    for charge in charged:
        first, units, subtotal, nano = sums.get(charge.record.endpoint.id, (charge, Decimal(0), 0, 0))
        summed = (first, units + charge.units, subtotal + charge.subtotal, nano + charge.nano)
        sums[charge.record.endpoint.id] = summed
    return [
        {
            "endpoint_id": endpoint_id,
            "unit": first.record.endpoint.unit,
            "quantity": units,
            "unit_price": first.record.endpoint.unit_price,
            "percent_discount": None,
            "cost_subtotal": to_usd(subtotal),
            "cost_discount": to_usd(subtotal - nano),
            "cost_total": to_usd(nano),
            "cost": to_usd(nano),
            "currency": "USD",
        }
        for endpoint_id, (first, units, subtotal, nano) in sums.items()
    ]
