"""Quotes: what an offer would cost for an input, worked out exactly before anything is sent."""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any, Final

from domain.costs import Basis, Cost
from domain.evidence import inputs_of
from domain.generation import GenerationInput
from domain.money import product
from domain.offers import Offer, PriceRule, Quote, Unit

# fal bills 1024 x 1024 pixels as one megapixel. A power of two: every size divides without a remainder.
PIXELS_PER_MEGAPIXEL: Final = Decimal(1024 * 1024)

# fal's names for image sizes (fal model endpoints, `image_size`), and the ratio that each stands for.
_NAMED_SIZES: Final[Mapping[str, tuple[int, int]]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_SIZE_BY_RATIO: Final[Mapping[str, str]] = {
    "1:1": "square_hd",
    "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
    "4:3": "landscape_4_3",
    "16:9": "landscape_16_9",
}
_PIXELS: Final = re.compile(r"([1-9][0-9]{0,4})[xX]([1-9][0-9]{0,4})", re.ASCII)
_EXACT: Final = Context(prec=100)


def quote(offer: Offer, given: GenerationInput, *, unit_price: Decimal | None = None) -> Quote:
    """What ``offer`` would cost for ``given``; unknown where a price or a quantity is not known.

    ``unit_price`` is the provider's own price of one unit today, in dollars: it takes the place of the
    catalogue's. Tiers, which one number cannot express, follow it in proportion: a provider counts more units
    for them. The offer in the quote carries the endpoint that this input goes to.
    """
    fitted = offer.fitted_to(given)
    inputs = inputs_of(offer.defaults, given)
    price = _unit_price(offer.price, inputs, unit_price)
    least = _quantity(offer.billed_in, inputs)
    most = _quantity(offer.billed_in, inputs, whole=offer.price is not None and offer.price.rounded_up)
    if price is None or least is None or most is None or offer.priced_extra & given.extra.keys():
        return Quote(fitted, None, None, None)
    low, high, basis = price
    return Quote(fitted, product(least, low), product(most, high), basis.value)


def expected_cost(quoted: Quote) -> Cost | None:
    """The quote as a cost, for an attempt whose provider names none: its upper end, never final."""
    if quoted.high_nano is None:
        return None
    return Cost(quoted.high_nano, Basis.CATALOGUE, final=False)


def _unit_price(
    rule: PriceRule | None, inputs: Mapping[str, Any], live: Decimal | None
) -> tuple[Decimal, Decimal, Basis] | None:
    """Both ends of the price of one unit, in dollars."""
    if rule is None:
        return None if live is None else (live, live, Basis.PROVIDER_PRICE)
    for tier in rule.tiers:
        if _holds(tier.when, inputs):
            return _of_today(rule, tier.usd, live)
    if not _holds(rule.only_when, inputs):
        return None
    if live is not None:
        return live, live, Basis.PROVIDER_PRICE
    return rule.usd, rule.usd if rule.high_usd is None else rule.high_usd, Basis.CATALOGUE


def _of_today(rule: PriceRule, usd: Decimal, live: Decimal | None) -> tuple[Decimal, Decimal, Basis]:
    """The price of a tier: as many times the provider's price of today as it is times the base price."""
    if live is None or not rule.usd:
        return usd, usd, Basis.CATALOGUE
    price = _EXACT.divide(_EXACT.multiply(live, usd), rule.usd)
    return price, price, Basis.PROVIDER_PRICE


def _holds(when: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    return all(_is_one_of(inputs.get(name), wanted) for name, wanted in when.items())


def _is_one_of(value: object, wanted: object) -> bool:
    allowed = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return any(_folded(value) == _folded(one) for one in allowed)


def _folded(value: object) -> object:
    """720p and 720P are one resolution."""
    return value.casefold() if isinstance(value, str) else value


def _quantity(unit: Unit | None, inputs: Mapping[str, Any], *, whole: bool = False) -> Decimal | None:
    """How many units a request is; None where that shows only afterwards (tokens, GPU seconds).

    ``whole`` counts the size of each image up to the next whole megapixel.
    """
    count = Decimal(inputs.get("count", 1))
    if unit is Unit.CALL:
        return Decimal(1)
    if unit is Unit.IMAGE:
        return count
    if unit is Unit.SECOND and "duration" in inputs:
        return Decimal(inputs["duration"])
    if unit is Unit.MEGAPIXEL and (pixels := _pixels(inputs)) is not None:
        size = _EXACT.divide(pixels, PIXELS_PER_MEGAPIXEL)
        return _EXACT.multiply(size.to_integral_value(ROUND_CEILING) if whole else size, count)
    return None


def _pixels(inputs: Mapping[str, Any]) -> Decimal | None:
    """The pixels of one image, by its width and height, by the name of its size, or by its ratio."""
    size = inputs.get("size", _SIZE_BY_RATIO.get(inputs.get("aspect_ratio", "")))
    if size in _NAMED_SIZES:
        width, height = _NAMED_SIZES[size]
        return Decimal(width * height)
    numbers = _PIXELS.fullmatch(size or "")
    return None if numbers is None else Decimal(int(numbers[1]) * int(numbers[2]))
