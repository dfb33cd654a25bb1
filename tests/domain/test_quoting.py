"""Quotes by all that is known: fixed prices, what was paid here, and what starting a runner adds."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.evidence import Evidence, Sample, evidence
from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import KnownPrice, Offer, PriceRule, Unit
from domain.quoting import NOTHING, Known, quote_by
from domain.starts import Start

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKED = GenerationInput(prompt="a kite")
LIKE = "duration=5"
FIXED = Offer(
    "film",
    Kind.VIDEO,
    "fal",
    "owner/app",
    price=PriceRule(Unit.SECOND, Decimal("0.06"), date(2026, 11, 1), "a test"),
    defaults={"duration": 5},
)
RANGE = replace(FIXED, price=replace(FIXED.price, high_usd=Decimal("0.20")))  # type: ignore[type-var]
OWN = replace(FIXED, price=None, unit=Unit.GPU_SECOND, pays_starts=True)
COLD = Start(warm=False, seconds=20.0, whole_seconds=40)
WARM = Start(warm=True, seconds=1.0, whole_seconds=20)
BY_THE_SECOND = KnownPrice(Decimal("0.001"), "GPU seconds", NOON)


def paid(*nano: int, spin_up: int | None = None) -> Evidence:
    return evidence([Sample(NOON, one, spin_up) for one in nano])


def known(
    found: Evidence | None = None,
    *,
    like: str = LIKE,
    by: str = "",
    price: KnownPrice | None = None,
    start: Start | None = None,
) -> Known:
    lane = FIXED.lane
    return Known(
        prices={} if price is None else {lane: price},
        evidence={} if found is None else {lane: {(like, by): found}},
        starts={} if start is None else {lane: start},
    )


@pytest.mark.parametrize(
    ("offer", "knowing", "ends", "basis"),
    [
        (FIXED, NOTHING, (300_000_000, 300_000_000), "catalogue"),
        (FIXED, known(paid(*[300_000_000] * 5)), (300_000_000, 300_000_000), "catalogue"),
        (FIXED, known(paid(*[300_000_000] * 4, 310_000_000)), (300_000_000, 310_000_000), "history"),
        (RANGE, NOTHING, (300_000_000, 1_000_000_000), "catalogue"),
        (RANGE, known(paid(400, 500, 600, 700, 800)), (400, 800), "history"),
        (RANGE, known(paid(400, 500, 600, 700)), (300_000_000, 1_000_000_000), "catalogue"),
        (RANGE, known(paid(*range(400, 405)), like="duration=10"), (300_000_000, 1_000_000_000), "catalogue"),
        (RANGE, known(paid(*range(400, 405)), by="0.06"), (400, 404), "history"),
        (RANGE, known(paid(*range(400, 405)), by="0.07"), (300_000_000, 1_000_000_000), "catalogue"),
        (
            RANGE,
            known(paid(*range(400, 405)), by="0.07", price=KnownPrice(Decimal("0.07"), "second")),
            (400, 404),
            "history",
        ),
        (
            RANGE,
            known(paid(*range(400, 405)), by="0.07", price=KnownPrice(Decimal("0.08"), "second")),
            (400_000_000, 400_000_000),
            "provider_price",
        ),
        (OWN, NOTHING, (None, None), None),
        (OWN, known(paid(*[7] * 5)), (7, 7), "history"),
    ],
)
def test_what_was_paid_goes_before_a_range_and_a_fixed_price_stands_while_it_agrees(
    offer: Offer, knowing: Known, ends: tuple[int | None, int | None], basis: str | None
) -> None:
    quoted = quote_by(knowing, offer, ASKED)
    assert (quoted.low_nano, quoted.high_nano) == ends
    assert quoted.basis == basis


@pytest.mark.parametrize(
    ("start", "ends", "spin_up"),
    [
        (COLD, (30_000_000, 34_000_000), 20_000_000),
        (WARM, (10_000_000, 15_000_000), 1_000_000),
        (replace(WARM, seconds=None), (40_000_000, 44_000_000), None),
    ],
)
def test_a_start_that_is_paid_for_is_that_of_now_and_not_those_of_then(
    start: Start, ends: tuple[int, int], spin_up: int | None
) -> None:
    found = paid(*range(40_000_000, 45_000_000, 1_000_000), spin_up=30_000_000)
    quoted = quote_by(known(found, by="0.001", price=BY_THE_SECOND, start=start), OWN, ASKED)
    assert (quoted.low_nano, quoted.high_nano) == ends
    assert quoted.spin_up_nano == spin_up
    assert quoted.start == start


def test_a_start_is_told_although_the_rest_of_the_price_is_not_known() -> None:
    quoted = quote_by(known(price=BY_THE_SECOND, start=COLD), OWN, ASKED)
    assert (quoted.low_nano, quoted.high_nano, quoted.spin_up_nano) == (None, None, 20_000_000)
    assert quoted.price == BY_THE_SECOND
    assert quoted.seconds == 40


@pytest.mark.parametrize(
    ("offer", "knowing"),
    [
        (replace(OWN, pays_starts=False), known(price=BY_THE_SECOND, start=COLD)),
        (OWN, known(start=COLD)),
        (OWN, known(price=KnownPrice(Decimal("0.1"), "image"), start=COLD)),
        (OWN, known(paid(*[7] * 5), by="0.001", price=BY_THE_SECOND, start=COLD)),
    ],
)
def test_a_start_that_is_not_billed_or_has_no_rate_adds_nothing(offer: Offer, knowing: Known) -> None:
    assert quote_by(knowing, offer, ASKED).spin_up_nano is None


def test_the_rate_of_the_catalogue_prices_a_start_where_the_provider_names_none() -> None:
    rule = PriceRule(Unit.GPU_SECOND, Decimal("0.0005"), date(2026, 11, 1), "a test")
    quoted = quote_by(known(start=COLD), replace(OWN, price=rule), ASKED)
    assert quoted.spin_up_nano == 10_000_000


def test_the_endpoint_for_images_has_evidence_of_its_own() -> None:
    offer = replace(RANGE, image_endpoint="owner/app/image")
    from_image = GenerationInput(prompt="a kite", image_url="https://a.example/1.png")
    found = {(f"{LIKE} image_url=1", ""): paid(*range(5, 10))}
    lane = replace(offer.lane, endpoint="owner/app/image")
    quoted = quote_by(Known(evidence={lane: found}), offer, from_image)
    assert (quoted.offer.endpoint, quoted.low_nano, quoted.high_nano) == ("owner/app/image", 5, 9)
