"""From a request to a plan: the offers that can honour it, what each would cost, and their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.generation import JobRequest
from domain.lifecycle import Kind
from domain.money import format_usd
from domain.offers import Offer, Quote
from domain.pricing import quote
from domain.routing import NoOffer, PassedOver, Plan, plan
from providers.base import Unsupported
from providers.catalogue import KindMismatch, KindRequired, UnknownModel
from services.refusals import Unprocessable
from services.runtime import Runtime
from storage.ledger import known_price


@dataclass(frozen=True, slots=True)
class Planned:
    """What a request comes to: its kind, the plan, and what stood in the way of the offers left out."""

    kind: Kind
    plan: Plan
    passed_over: Sequence[PassedOver]


def plan_request(runtime: Runtime, request: JobRequest) -> Planned:
    """Choose and order the offers for ``request``; nothing is sent.

    Raises:
        Unprocessable: no offer can run it, with the reason of each.
    """
    offers = _offers(runtime, request)
    able: list[Quote] = []
    unable: list[PassedOver] = []
    for quoted in _quotes(runtime, offers, request):
        obstacle = _obstacle(runtime, quoted.offer, request)
        if obstacle is None:
            able.append(quoted)
        else:
            unable.append(PassedOver(quoted.offer, str(obstacle)))
            field = obstacle.field
    if not offers:
        raise Unprocessable(f"{request.model} has no offer to run at", code="no_offer", field="model")
    if not able:
        raise Unprocessable(_sentence(unable), field=f"input.{field}")
    try:
        chosen = plan(able, request.routing, available=runtime.available)
    except NoOffer as error:
        reasons = [*error.reasons, *unable]
        raise Unprocessable(_sentence(reasons), code="no_offer", field="routing") from error
    return Planned(offers[0].kind, chosen, [*unable, *chosen.passed_over])


def plan_entry(choice: Quote) -> dict[str, Any]:
    """A choice as it is kept with the job."""
    return {
        "provider": choice.offer.provider,
        "endpoint": choice.offer.endpoint,
        "low_nano": choice.low_nano,
        "high_nano": choice.high_nano,
        "why": choice.why,
        "exhausted": False,
    }


def offer_of(runtime: Runtime, *, model: str, kind: Kind, entry: Mapping[str, Any]) -> Offer:
    """The offer that a plan's entry names; what the catalogue has since dropped still runs as it was."""
    bare = Offer(model=model, kind=kind, provider=entry["provider"], endpoint=entry["endpoint"])
    try:
        offers = runtime.catalogue.offers(model, kind)
    except (UnknownModel, KindMismatch):
        return bare
    for offer in offers:
        if offer.provider == bare.provider and bare.endpoint in {offer.endpoint, offer.image_endpoint}:
            return replace(offer, endpoint=bare.endpoint, image_endpoint=None)
    return bare


def _offers(runtime: Runtime, request: JobRequest) -> Sequence[Offer]:
    try:
        return runtime.catalogue.offers(request.model, request.kind)
    except UnknownModel as error:
        raise Unprocessable(str(error), code="unknown_model", field="model") from error
    except (KindRequired, KindMismatch) as error:
        raise Unprocessable(str(error), field="kind") from error


def _obstacle(runtime: Runtime, offer: Offer, request: JobRequest) -> Unsupported | None:
    """Why the offer cannot honour the input; None where it can, or where routing will pass it over."""
    provider = runtime.providers.get(offer.provider)
    if provider is None:
        return None
    try:
        provider.arguments(offer, request.input)
    except Unsupported as error:
        return error
    return None


def _quotes(runtime: Runtime, offers: Sequence[Offer], request: JobRequest) -> list[Quote]:
    fitted = [offer.fitted_to(request.input) for offer in offers]
    with runtime.database.work() as session:
        prices = [known_price(session, offer.provider, offer.endpoint) for offer in fitted]
    return [
        quote(offer, request.input, unit_price=price.usd if price else None)
        for offer, price in zip(offers, prices, strict=True)
    ]


def _sentence(reasons: Sequence[PassedOver]) -> str:
    each = "; ".join(f"{one.offer.provider} {one.offer.endpoint}: {one.reason}" for one in reasons)
    return f"no offer can run this job: {each}"


def quoted_text(choice: Quote) -> str:
    """A quote in words, for events and logs."""
    if choice.high_nano is None or choice.low_nano is None:
        return "price not known before"
    if choice.exact:
        return f"${format_usd(choice.low_nano)}"
    return f"${format_usd(choice.low_nano)} to ${format_usd(choice.high_nano)}"
