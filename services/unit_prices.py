"""What one billed unit of an offer costs now, as well as it can be known before a request goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.lanes import Lane
from domain.offers import Offer
from providers.base import LookFailed, UnitPrice
from services.runtime import Runtime
from storage import prices

_NEWS_AFTER: Final = timedelta(minutes=10)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Priced:
    """An offer, and the unit price that its provider named last, with the time of that."""

    offer: Offer
    known: UnitPrice | None
    known_at: datetime | None


def unit_prices(runtime: Runtime, asked: Sequence[Priced]) -> Mapping[Lane, UnitPrice | None]:
    """The price of a unit on each lane: asked once for all of its jobs, and kept when it is news."""
    by_lane = {Lane(one.offer.provider, one.offer.endpoint): one for one in asked}
    return {lane: _unit_price(runtime, lane, one) for lane, one in by_lane.items()}


def _unit_price(runtime: Runtime, lane: Lane, asked: Priced) -> UnitPrice | None:
    """The price as the provider names it now, else as it named it last, else the catalogue's.

    Each process asks for itself, and keeps the answer for a while: what another one has read since is newer.
    """
    try:
        price = runtime.providers[lane.provider].unit_price(lane.endpoint)
    except LookFailed as error:
        log.warning("price_not_read", provider=lane.provider, endpoint=lane.endpoint, reason=str(error))
        return asked.known or _catalogue_price(asked.offer)
    if price is None:
        return None
    read_at = price.read_at or runtime.clock()
    if asked.known is not None and asked.known_at is not None and asked.known_at > read_at:
        return asked.known
    if _is_news(asked, price, read_at):
        with runtime.database.work() as session:
            prices.remember(
                session,
                provider=lane.provider,
                endpoint=lane.endpoint,
                usd=price.usd,
                unit=price.unit,
                at=read_at,
            )
    return price


def _is_news(asked: Priced, price: UnitPrice, read_at: datetime) -> bool:
    return asked.known != price or asked.known_at is None or read_at - asked.known_at > _NEWS_AFTER


def _catalogue_price(offer: Offer) -> UnitPrice | None:
    if offer.price is None or offer.price.tiers or offer.price.high_usd is not None:
        return None
    return UnitPrice(offer.price.usd, offer.price.unit.value)
