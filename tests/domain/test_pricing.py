"""Quotes: quantities by unit, tiers, live prices, and what stays unknown."""

from datetime import date
from decimal import Decimal
from typing import Any, TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import Basis, Cost
from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.money import MoneyError
from domain.offers import Offer, PriceRule, Quote, Tier, Unit
from domain.pricing import expected_cost, quote

READ = date(2026, 11, 22)


class OfferParts(TypedDict, total=False):
    defaults: dict[str, Any]
    image_endpoint: str
    priced_extra: frozenset[str]


class RuleParts(TypedDict, total=False):
    tiers: tuple[Tier, ...]
    high_usd: Decimal
    only_when: dict[str, Any]
    rounded_up: bool


NO_PARTS: RuleParts = {}


def an_offer(
    unit: Unit | None = None,
    usd: str | None = None,
    *,
    rule: RuleParts = NO_PARTS,
    **more: Unpack[OfferParts],
) -> Offer:
    """An offer priced at ``usd`` a unit; ``rule`` adds to its price, the rest to the offer."""
    price = None
    if unit is not None and usd is not None:
        price = PriceRule(unit, Decimal(usd), since=READ, source="a test", **rule)
    return Offer(
        model="m", kind=Kind.IMAGE, provider="fal", endpoint="owner/app", price=price, unit=unit, **more
    )


def asked(**inputs: object) -> GenerationInput:
    return GenerationInput.model_validate({"prompt": "a kite"} | inputs)


def ends(quoted: Quote) -> tuple[int | None, int | None]:
    return quoted.low_nano, quoted.high_nano


@pytest.mark.parametrize(
    ("unit", "defaults", "inputs", "nano"),
    [
        (Unit.CALL, {}, {"count": 4, "duration": 10}, 1_000_000_000),
        (Unit.IMAGE, {}, {}, 1_000_000_000),
        (Unit.IMAGE, {}, {"count": 4}, 4_000_000_000),
        (Unit.IMAGE, {"count": 2}, {}, 2_000_000_000),
        (Unit.SECOND, {}, {"duration": 10}, 10_000_000_000),
        (Unit.SECOND, {"duration": 5}, {}, 5_000_000_000),
        (Unit.SECOND, {"duration": 5}, {"duration": 3}, 3_000_000_000),
        (Unit.MEGAPIXEL, {}, {"size": "1024x1024"}, 1_000_000_000),
        (Unit.MEGAPIXEL, {}, {"size": "1024X768", "count": 3}, 2_250_000_000),
        (Unit.MEGAPIXEL, {"size": "landscape_4_3"}, {}, 750_000_000),
        (Unit.MEGAPIXEL, {"size": "landscape_4_3"}, {"aspect_ratio": "1:1"}, 1_000_000_000),
        (Unit.MEGAPIXEL, {"size": "square_hd"}, {"aspect_ratio": "1:1", "size": "square"}, 250_000_000),
        (Unit.MEGAPIXEL, {}, {"size": "1x1"}, 954),
    ],
)
def test_the_quantity_follows_the_unit_and_the_input_over_the_defaults(
    unit: Unit, defaults: dict[str, Any], inputs: dict[str, Any], nano: int
) -> None:
    quoted = quote(an_offer(unit, "1", defaults=defaults), asked(**inputs))
    assert ends(quoted) == (nano, nano)
    assert quoted.exact
    assert quoted.basis == "catalogue"


@pytest.mark.parametrize(
    ("unit", "defaults", "inputs"),
    [
        (Unit.SECOND, {}, {}),
        (Unit.MEGAPIXEL, {}, {}),
        (Unit.MEGAPIXEL, {}, {"size": "auto"}),
        (Unit.MEGAPIXEL, {}, {"size": "123456x1"}),
        (Unit.MEGAPIXEL, {}, {"size": "0x1024"}),
        (Unit.MEGAPIXEL, {"size": "square_hd"}, {"aspect_ratio": "21:9"}),
        (Unit.TOKEN, {}, {}),
        (Unit.GPU_SECOND, {}, {"duration": 5}),
    ],
)
def test_without_a_quantity_there_is_no_quote(
    unit: Unit, defaults: dict[str, Any], inputs: dict[str, Any]
) -> None:
    quoted = quote(an_offer(unit, "1", defaults=defaults), asked(**inputs))
    assert ends(quoted) == (None, None)
    assert quoted.basis is None
    assert not quoted.exact


def test_without_a_price_there_is_no_quote() -> None:
    assert ends(quote(an_offer(Unit.IMAGE), asked())) == (None, None)


AUDIO_TIERS = (Tier({"audio": True}, Decimal("0.126")), Tier({"duration": [3, 5]}, Decimal("0.5")))


@pytest.mark.parametrize(
    ("inputs", "nano"),
    [
        ({"duration": 10}, 840_000_000),
        ({"duration": 10, "audio": False}, 840_000_000),
        ({"duration": 10, "audio": True}, 1_260_000_000),
        ({"duration": 5, "audio": True}, 630_000_000),
        ({"duration": 5}, 2_500_000_000),
    ],
)
def test_the_first_tier_that_matches_sets_the_price(inputs: dict[str, Any], nano: int) -> None:
    offer = an_offer(Unit.SECOND, "0.084", rule={"tiers": AUDIO_TIERS})
    assert ends(quote(offer, asked(**inputs))) == (nano, nano)


@pytest.mark.parametrize("resolution", ["720p", "720P"])
def test_a_price_for_one_variant_holds_there_in_either_spelling(resolution: str) -> None:
    offer = an_offer(Unit.CALL, "0.34", rule={"only_when": {"resolution": "720p"}})
    assert ends(quote(offer, asked(resolution=resolution))) == (340_000_000, 340_000_000)


@pytest.mark.parametrize("inputs", [{"resolution": "1080p"}, {}])
def test_a_price_for_one_variant_says_nothing_of_the_others(inputs: dict[str, Any]) -> None:
    offer = an_offer(Unit.CALL, "0.34", rule={"only_when": {"resolution": "720p"}})
    assert ends(quote(offer, asked(**inputs))) == (None, None)
    assert ends(quote(offer, asked(**inputs), unit_price=Decimal(1))) == (None, None)


def test_the_providers_price_of_today_takes_the_place_of_the_catalogues() -> None:
    offer = an_offer(Unit.IMAGE, "0.04", rule={"high_usd": Decimal("0.055")})
    quoted = quote(offer, asked(count=2), unit_price=Decimal("0.05"))
    assert ends(quoted) == (100_000_000, 100_000_000)
    assert quoted.basis == "provider_price"


def test_the_providers_price_is_enough_where_the_catalogue_knows_the_unit_alone() -> None:
    quoted = quote(an_offer(Unit.IMAGE), asked(), unit_price=Decimal("0.05"))
    assert ends(quoted) == (50_000_000, 50_000_000)
    assert quoted.basis == "provider_price"


@pytest.mark.parametrize(
    ("base", "today", "inputs", "nano", "basis"),
    [
        ("0.084", "0.084", {"duration": 10}, 840_000_000, "provider_price"),
        ("0.084", "0.084", {"duration": 10, "audio": True}, 1_260_000_000, "provider_price"),
        ("0.084", "0.09", {"duration": 10}, 900_000_000, "provider_price"),
        ("0.084", "0.09", {"duration": 10, "audio": True}, 1_350_000_000, "provider_price"),
        ("0.03", "0.01", {"duration": 10, "audio": True}, 420_000_000, "provider_price"),
        ("0", "0.09", {"duration": 10, "audio": True}, 1_260_000_000, "catalogue"),
    ],
)
def test_tiers_follow_the_providers_price_of_today_in_proportion(
    base: str, today: str, inputs: dict[str, Any], nano: int, basis: str
) -> None:
    offer = an_offer(Unit.SECOND, base, rule={"tiers": AUDIO_TIERS})
    quoted = quote(offer, asked(**inputs), unit_price=Decimal(today))
    assert (ends(quoted), quoted.basis) == ((nano, nano), basis)


def test_the_upper_end_is_quoted_where_there_is_one() -> None:
    quoted = quote(an_offer(Unit.IMAGE, "0.04", rule={"high_usd": Decimal("0.055")}), asked(count=2))
    assert ends(quoted) == (80_000_000, 110_000_000)
    assert not quoted.exact


@pytest.mark.parametrize(
    ("inputs", "low", "high"),
    [
        ({"size": "1024x768"}, 18_750_000, 25_000_000),
        ({"size": "1024x768", "count": 2}, 37_500_000, 50_000_000),
        ({"size": "1024x1024"}, 25_000_000, 25_000_000),
        ({"size": "1920x1080"}, 49_438_477, 50_000_000),
    ],
)
def test_where_each_image_is_billed_in_whole_megapixels_the_exact_size_is_the_lower_end(
    inputs: dict[str, Any], low: int, high: int
) -> None:
    offer = an_offer(Unit.MEGAPIXEL, "0.025", rule={"rounded_up": True})
    assert ends(quote(offer, asked(**inputs))) == (low, high)


def test_a_quote_is_not_promised_when_the_providers_own_parameters_move_the_price() -> None:
    offer = an_offer(Unit.IMAGE, "0.05", priced_extra=frozenset({"num_images"}))
    assert ends(quote(offer, asked(extra={"num_images": 4}))) == (None, None)
    assert ends(quote(offer, asked(extra={"cfg_scale": 0.5}))) == (50_000_000, 50_000_000)


def test_a_job_that_starts_from_an_image_is_quoted_at_the_endpoint_it_goes_to() -> None:
    offer = an_offer(Unit.CALL, "1", image_endpoint="owner/app/image-to-video")
    assert quote(offer, asked()).offer.endpoint == "owner/app"
    from_image = quote(offer, asked(image_url="https://example.com/a.png")).offer
    assert from_image.endpoint == "owner/app/image-to-video"
    assert from_image.image_endpoint is None


def test_an_offer_is_billed_in_the_unit_of_its_price() -> None:
    assert an_offer(Unit.SECOND, "1").billed_in is Unit.SECOND
    assert an_offer(Unit.SECOND).billed_in is Unit.SECOND
    assert an_offer().billed_in is None


def test_a_negative_price_is_never_quoted() -> None:
    with pytest.raises(MoneyError):
        quote(an_offer(Unit.IMAGE), asked(), unit_price=Decimal("-0.01"))


@given(
    nano=st.integers(0, 10**9),
    width=st.integers(1, 99_999),
    height=st.integers(1, 99_999),
    count=st.integers(1, 100),
)
def test_megapixels_are_exact_to_the_last_rounding(nano: int, width: int, height: int, count: int) -> None:
    offer = an_offer(Unit.MEGAPIXEL, str(Decimal(nano).scaleb(-9)), rule={"rounded_up": True})
    quoted = quote(offer, asked(size=f"{width}x{height}", count=count))
    pixels = width * height
    assert quoted.low_nano == (2 * nano * pixels * count + 2**20) // 2**21
    assert quoted.high_nano == nano * -(-pixels // 2**20) * count


@given(st.integers(1, 600), st.integers(0, 10**9))
def test_seconds_cost_their_number_times_the_price(duration: int, nano: int) -> None:
    offer = an_offer(Unit.SECOND, str(Decimal(nano).scaleb(-9)))
    assert ends(quote(offer, asked(duration=duration))) == (duration * nano, duration * nano)


def test_the_expected_cost_is_the_upper_end_and_not_final() -> None:
    quoted = quote(an_offer(Unit.IMAGE, "0.04", rule={"high_usd": Decimal("0.055")}), asked())
    assert expected_cost(quoted) == Cost(55_000_000, Basis.CATALOGUE, final=False)


def test_an_unknown_quote_makes_no_expected_cost() -> None:
    assert expected_cost(quote(an_offer(), asked())) is None
