"""The catalogue as customers see it: every model, its offers, and what each costs and accepts."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from domain.lanes import Lane
from domain.offers import Offer, PriceRule
from domain.routing import Availability
from providers.catalogue import CatalogueModel
from services.runtime import Runtime
from services.views import timestamp
from storage import prices
from storage.records import UnitPriceHistoryRecord

_MOST_SHOWN: Final = 20

_History = Mapping[Lane, Sequence[UnitPriceHistoryRecord]]


def offering(runtime: Runtime) -> dict[str, Any]:
    """Every model of the catalogue, by name, and what a second of each machine costs."""
    with runtime.database.work() as session:
        history = prices.history(session)
    return {
        "object": "list",
        "data": [_model_view(runtime, model, history) for model in runtime.catalogue.models()],
        "machines": [
            {"id": name, "unit": rule.unit.value, **_rate_view(rule)}
            for name, rule in runtime.catalogue.machines.items()
        ],
    }


def _model_view(runtime: Runtime, model: CatalogueModel, history: _History) -> dict[str, Any]:
    offers = [
        _offer_view(offer, runtime.available.get(offer.provider), history.get(offer.lane, ()))
        for offer in model.offers
    ]
    return {"id": model.name, "object": "model", "kind": model.kind.value, "offers": offers}


def _offer_view(
    offer: Offer, here: Availability | None, named: Sequence[UnitPriceHistoryRecord]
) -> dict[str, Any]:
    return {
        "provider": offer.provider,
        "endpoint": offer.endpoint,
        "image_endpoint": offer.image_endpoint,
        "configured": here is not None and here.configured,
        "sandbox": here is not None and here.sandbox,
        "unit": None if offer.billed_in is None else offer.billed_in.value,
        "price": None if offer.price is None else _price_view(offer.price),
        "provider_prices": _history_view(named),
        "accepts": sorted(offer.accepts),
        "defaults": dict(offer.defaults),
        "expected_seconds": offer.expected_seconds,
        "quality": offer.quality,
        "retention": offer.retention,
        "retention_source": offer.retention_source,
        "zero_retention": offer.zero_retention,
    }


def _history_view(named: Sequence[UnitPriceHistoryRecord]) -> list[dict[str, Any]]:
    """What the provider itself named, the newest first: each price until the next one."""
    ends = [None, *(one.since for one in named)]
    return [
        {"usd": _plain(one.usd), "unit": one.unit, "since": timestamp(one.since), "until": timestamp(until)}
        for one, until in zip(named[:_MOST_SHOWN], ends, strict=False)
    ]


def _price_view(rule: PriceRule) -> dict[str, Any]:
    return {
        **_rate_view(rule),
        "only_when": dict(rule.only_when),
        "tiers": [{"when": dict(tier.when), "usd": _plain(tier.usd)} for tier in rule.tiers],
    }


def _rate_view(rule: PriceRule) -> dict[str, Any]:
    return {
        "usd": _plain(rule.usd),
        "high_usd": None if rule.high_usd is None else _plain(rule.high_usd),
        "since": rule.since.isoformat(),
        "source": rule.source,
    }


def _plain(amount: Decimal) -> str:
    """Dollars without an exponent; finer than a nano-dollar where a price is."""
    return f"{amount:f}"
