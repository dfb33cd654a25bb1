"""What a quote stands on, in words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.evidence import Evidence, Sample, evidence
from domain.lifecycle import Kind
from domain.offers import KnownPrice, Offer, PriceRule, Quote, Unit
from domain.starts import Start
from services.prices.showing import evidence_view, price_view

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULE = PriceRule(Unit.CALL, Decimal("0.5"), date(2026, 11, 1), "a price page")
OFFER = Offer("film", Kind.VIDEO, "fal", "owner/app", price=RULE)
PRICE = KnownPrice(Decimal("0.050"), "second", NOON)
CATALOGUE = Quote(OFFER, 500_000_000, 500_000_000, "catalogue")


def paid(*nano: int) -> Evidence:
    return evidence([Sample(NOON, one) for one in nano])


@pytest.mark.parametrize(
    ("quoted", "words"),
    [
        (CATALOGUE, "catalogue, read 2026-11-01: a price page"),
        (
            replace(CATALOGUE, evidence=paid(*[500_000_000] * 7)),
            "catalogue, read 2026-11-01: a price page; the 7 newest jobs like it each cost $0.5 here",
        ),
        (
            replace(CATALOGUE, basis="provider_price", price=PRICE),
            "fal's own price list: $0.050 per second, since 2026-11-22",
        ),
        (
            replace(CATALOGUE, basis="provider_price", price=replace(PRICE, since=None)),
            "fal's own price list: $0.050 per second",
        ),
        (
            replace(CATALOGUE, basis="history", evidence=paid(*range(100_000_000, 120_000_000, 1_000_000))),
            "the 20 newest jobs like it cost $0.1 to $0.119 here, nine in ten $0.101 to $0.118",
        ),
        (
            replace(CATALOGUE, low_nano=None, high_nano=None, basis=None),
            "no price that fits this job is published, and too few jobs like it have run here in 30 days",
        ),
    ],
)
def test_a_quote_says_what_it_stands_on(quoted: Quote, words: str) -> None:
    assert evidence_view(quoted)["words"] == words


@pytest.mark.parametrize(("basis", "part"), [("history", "of it"), (None, "on top of it")])
def test_a_start_that_is_billed_is_told(basis: str | None, part: str) -> None:
    start = Start(warm=False, seconds=20.0, whole_seconds=None)
    quoted = replace(CATALOGUE, basis=basis, spin_up_nano=10_500_000, start=start, evidence=paid(7))
    words: str = evidence_view(quoted)["words"]
    assert words.endswith(f"; starting a runner, about 20.0 s, is billed: $0.0105 {part}")


def test_the_figures_are_there_where_jobs_have_run() -> None:
    shown: dict[str, Any] = evidence_view(replace(CATALOGUE, evidence=paid(1, 2)))
    assert (shown["n"], shown["low"]["nano_usd"], shown["high"]["nano_usd"]) == (2, 1, 2)
    assert shown["from"] == shown["to"] == "2026-11-22T12:00:00.000Z"
    assert evidence_view(CATALOGUE)["n"] is None


def test_a_price_says_since_when_it_was_named() -> None:
    assert price_view(PRICE) == {"usd": "0.050", "unit": "second", "since": "2026-11-22T12:00:00.000Z"}
    assert price_view(None) is None
