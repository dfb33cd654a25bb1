"""The catalogue as customers see it: every model, its offers, and what each costs and accepts."""

from decimal import Decimal
from typing import Any

from domain.offers import Offer, PriceRule
from domain.routing import Availability
from providers.catalogue import CatalogueModel
from services.runtime import Runtime


def offering(runtime: Runtime) -> dict[str, Any]:
    """Every model of the catalogue, by name."""
    return {"object": "list", "data": [_model_view(runtime, model) for model in runtime.catalogue.models()]}


def _model_view(runtime: Runtime, model: CatalogueModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "kind": model.kind.value,
        "offers": [_offer_view(offer, runtime.available.get(offer.provider)) for offer in model.offers],
    }


def _offer_view(offer: Offer, here: Availability | None) -> dict[str, Any]:
    return {
        "provider": offer.provider,
        "endpoint": offer.endpoint,
        "image_endpoint": offer.image_endpoint,
        "configured": here is not None and here.configured,
        "sandbox": here is not None and here.sandbox,
        "unit": None if offer.billed_in is None else offer.billed_in.value,
        "price": None if offer.price is None else _price_view(offer.price),
        "accepts": sorted(offer.accepts),
        "defaults": dict(offer.defaults),
        "expected_seconds": offer.expected_seconds,
        "quality": offer.quality,
        "retention": offer.retention,
        "zero_retention": offer.zero_retention,
    }


def _price_view(rule: PriceRule) -> dict[str, Any]:
    return {
        "usd": _plain(rule.usd),
        "high_usd": None if rule.high_usd is None else _plain(rule.high_usd),
        "only_when": dict(rule.only_when),
        "tiers": [{"when": dict(tier.when), "usd": _plain(tier.usd)} for tier in rule.tiers],
        "since": rule.since.isoformat(),
        "source": rule.source,
    }


def _plain(amount: Decimal) -> str:
    """Dollars without an exponent; finer than a nano-dollar where a price is."""
    return f"{amount:f}"
