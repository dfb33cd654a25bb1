"""Prices as customers see them: the provider's own, and in words what a quote stands on."""

from collections.abc import Mapping
from typing import Any, Final

from domain.costs import Basis
from domain.evidence import Evidence
from domain.money import format_usd
from domain.offers import KnownPrice, PriceRule, Quote
from domain.quoting import HISTORY
from services.views import money, timestamp

_NONE: Final[Mapping[str, Any]] = dict.fromkeys(("n", "low", "high", "p5", "p95", "from", "to"))


def price_view(price: KnownPrice | None) -> dict[str, Any] | None:
    """The unit price that a provider named last, with its history's newest date."""
    if price is None:
        return None
    return {"usd": f"{price.usd:f}", "unit": price.unit, "since": timestamp(price.since)}


def evidence_view(quoted: Quote) -> dict[str, Any]:
    """What a quote stands on: in words, and as figures where these are of what was paid here."""
    figures = _NONE if quoted.evidence is None else _figures(quoted.evidence)
    return {"words": f"{_stands_on(quoted)}{_start_words(quoted)}", **figures}


def _figures(found: Evidence) -> dict[str, Any]:
    return {
        "n": found.n,
        "low": money(found.low_nano),
        "high": money(found.high_nano),
        "p5": money(found.p5_nano),
        "p95": money(found.p95_nano),
        "from": timestamp(found.first_at),
        "to": timestamp(found.last_at),
    }


def _stands_on(quoted: Quote) -> str:
    found = quoted.evidence
    if found is not None:
        agrees = "" if quoted.basis == HISTORY else f"{_published(quoted)}; "
        return f"{agrees}{_paid(found)}"
    if quoted.high_nano is not None:
        return _published(quoted)
    return "no price that fits this job is published, and too few jobs like it have run here in 30 days"


def _paid(found: Evidence) -> str:
    low, high = format_usd(found.low_nano), format_usd(found.high_nano)
    if low == high:
        return f"the {found.n} newest jobs like it each cost ${low} here"
    middle = f"nine in ten ${format_usd(found.p5_nano)} to ${format_usd(found.p95_nano)}"
    return f"the {found.n} newest jobs like it cost ${low} to ${high} here, {middle}"


def _published(quoted: Quote) -> str:
    price, rule = quoted.price, quoted.offer.price
    if quoted.basis == Basis.PROVIDER_PRICE and price is not None:
        since = "" if price.since is None else f", since {price.since:%Y-%m-%d}"
        return f"{quoted.offer.provider}'s own price list: ${price.usd:f} per {price.unit}{since}"
    return "published" if rule is None else f"catalogue, {_read(rule)}"


def _read(rule: PriceRule) -> str:
    return f"read {rule.since.isoformat()}: {rule.source}"


def _start_words(quoted: Quote) -> str:
    if quoted.spin_up_nano is None:
        return ""
    seconds, cost = quoted.start.seconds, format_usd(quoted.spin_up_nano)
    part = "of it" if quoted.basis == HISTORY else "on top of it"
    return f"; starting a runner, about {seconds} s, is billed: ${cost} {part}"
