"""Quotes by all that is known: the provider's price of today, and what comparable jobs really cost here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from domain.evidence import ENOUGH, Evidence, price_name, shape
from domain.generation import GenerationInput
from domain.lanes import Lane
from domain.money import product
from domain.offers import KnownPrice, Offer, Quote, Unit, is_gpu_second
from domain.pricing import quote
from domain.starts import UNKNOWN_START, Start

# The basis of a quote that stands on what was really paid here.
HISTORY: Final = "history"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of lanes at one moment, besides the catalogue.

    ``evidence`` goes by the shape of a job and the name of the unit price that it was billed by.
    """

    prices: Mapping[Lane, KnownPrice] = field(default_factory=dict)
    evidence: Mapping[Lane, Mapping[tuple[str, str], Evidence]] = field(default_factory=dict)
    starts: Mapping[Lane, Start] = field(default_factory=dict)


NOTHING: Final = Known()


def quote_by(known: Known, offer: Offer, given: GenerationInput) -> Quote:
    """What ``offer`` would cost for ``given``, and how long it would take.

    A fixed price stands, unless what was really paid here says otherwise. Where the price is not fixed, what
    comparable jobs cost goes before the catalogue's range; where neither is known, the price is not.
    """
    fitted = offer.fitted_to(given)
    price = known.prices.get(fitted.lane)
    start = known.starts.get(fitted.lane, UNKNOWN_START)
    found = _evidence(known.evidence.get(fitted.lane, {}), fitted, given, price)
    spin_up = _spin_up(fitted, price, start, found)
    published = quote(offer, given, unit_price=None if price is None else price.usd)
    whole = replace(published, evidence=found, spin_up_nano=spin_up, price=price, start=start)
    if found is None or (published.exact and published.high_nano == found.low_nano == found.high_nano):
        return whole
    low, high = _ends(found, spin_up, start)
    return replace(whole, low_nano=low, high_nano=high, basis=HISTORY)


def _evidence(
    of_lane: Mapping[tuple[str, str], Evidence],
    offer: Offer,
    given: GenerationInput,
    price: KnownPrice | None,
) -> Evidence | None:
    """What comparable jobs cost at the unit price of today; None where there are not enough."""
    if not of_lane:
        return None
    like = shape(offer.defaults, given)
    # A provider that names a price at submit has no unit price; one that cannot be asked, the catalogue's.
    published = None if offer.price is None else offer.price.usd
    names = [price_name(price.usd)] if price is not None else ["", price_name(published)]
    for name in names:
        found = of_lane.get((like, name))
        if found is not None and found.n >= ENOUGH:
            return found
    return None


def _spin_up(offer: Offer, price: KnownPrice | None, start: Start, found: Evidence | None) -> int | None:
    """What the start of a runner would add; None where it is not billed, or not known."""
    rate = price.usd if price is not None else _published_rate(offer)
    by_time = is_gpu_second(price.unit) if price is not None else offer.billed_in is Unit.GPU_SECOND
    paid = offer.pays_starts if found is None else found.pays_starts
    if rate is None or start.seconds is None or not (by_time and paid):
        return None
    return product(Decimal(str(start.seconds)), rate)


def _published_rate(offer: Offer) -> Decimal | None:
    return None if offer.price is None else offer.price.usd


def _ends(found: Evidence, spin_up: int | None, start: Start) -> tuple[int, int]:
    """Both ends of what was paid, with the start that is to be expected now instead of those of then."""
    if spin_up is None:
        return found.low_nano, found.high_nano
    return found.work_low_nano + (0 if start.warm else spin_up), found.work_high_nano + spin_up
