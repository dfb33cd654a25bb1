"""Reading the providers' price lists anew: what has changed, and by how much."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import structlog

from domain.lanes import Lane
from domain.offers import KnownPrice, Offer
from providers.base import LookFailed, UnitPrice
from providers.price_source import PriceSource
from services.prices.showing import price_view
from services.runtime import Runtime
from services.views import timestamp
from storage import prices

_HUNDRED: Final = Decimal(100)
_TENTH: Final = Decimal("0.1")

log = structlog.get_logger(__name__)


def sync(runtime: Runtime, *, dry_run: bool = False) -> dict[str, Any]:
    """Ask every provider that has a price list, and keep what it says; with ``dry_run`` nothing is kept.

    Asked about is all that the catalogue names, and whatever a price is known of or anything has run at.
    """
    with runtime.database.work() as session:
        known = prices.knowledge(session)
    offers = _offers(runtime)
    failed: list[dict[str, str]] = []
    rows: list[dict[str, Any]] = []
    for name, provider in sorted(runtime.providers.items()):
        if not isinstance(provider, PriceSource):
            continue
        lanes = sorted({lane for lane in (*offers, *known.prices, *known.times) if lane.provider == name})
        try:
            found = provider.unit_prices([lane.endpoint for lane in lanes])
        except LookFailed as error:
            failed.append({"provider": name, "message": str(error)})
            continue
        if not dry_run:
            _keep(runtime, name, found)
        rows += [_row(lane, known.prices.get(lane), offers.get(lane), found[lane.endpoint]) for lane in lanes]
    return {
        "object": "price_sync",
        "dry_run": dry_run,
        "at": timestamp(runtime.clock()),
        "changed": sum(row["change"] in {"changed", "new"} for row in rows),
        "prices": rows,
        "failed": failed,
    }


def _offers(runtime: Runtime) -> Mapping[Lane, Offer]:
    return {lane: offer for model in runtime.catalogue.models() for lane, offer in _lanes(model.offers)}


def _lanes(offers: Sequence[Offer]) -> Iterator[tuple[Lane, Offer]]:
    for offer in offers:
        yield offer.lane, offer
        if offer.image_endpoint is not None:
            yield Lane(offer.provider, offer.image_endpoint), offer


def _keep(runtime: Runtime, provider: str, found: Mapping[str, UnitPrice | None]) -> None:
    with runtime.database.work() as session:
        for endpoint, price in sorted(found.items()):
            if price is not None:
                prices.remember(
                    session,
                    provider=provider,
                    endpoint=endpoint,
                    usd=price.usd,
                    unit=price.unit,
                    at=price.read_at or runtime.clock(),
                )
    log.info("prices_read", provider=provider, endpoints=len(found))


def _row(lane: Lane, before: KnownPrice | None, offer: Offer | None, now: UnitPrice | None) -> dict[str, Any]:
    return {
        "provider": lane.provider,
        "endpoint": lane.endpoint,
        "change": _change(before, now),
        "before": price_view(before),
        "catalogue_usd": None if offer is None or offer.price is None else f"{offer.price.usd:f}",
        "now": None if now is None else {"usd": f"{now.usd:f}", "unit": now.unit},
        "percent": _percent(before, now),
    }


def _change(before: KnownPrice | None, now: UnitPrice | None) -> str:
    if now is None:
        return "not_named"
    if before is None:
        return "new"
    return "same" if (before.usd, before.unit) == (now.usd, now.unit) else "changed"


def _percent(before: KnownPrice | None, now: UnitPrice | None) -> str | None:
    """By how much a price rose or fell; None where that means nothing."""
    if before is None or now is None or before.unit != now.unit or not before.usd:
        return None
    return f"{((now.usd - before.usd) * _HUNDRED / before.usd).quantize(_TENTH):+f}"
