"""What a request would cost at every offer, before anything is sent."""

from typing import Any

from domain.generation import JobRequest
from domain.offers import Offer, Quote
from services.planning import plan_request
from services.prices.showing import evidence_view, price_view
from services.runtime import Runtime
from services.views import money


def quotes(runtime: Runtime, request: JobRequest) -> dict[str, Any]:
    """Every offer for ``request``: the ones it may run at in order, and the others with the reason.

    Raises:
        Unprocessable: no offer can run it.
    """
    planned = plan_request(runtime, request)
    return {
        "object": "quote",
        "model": request.model,
        "kind": planned.kind.value,
        "offers": [_offer(runtime, rank, choice) for rank, choice in enumerate(planned.plan.choices, 1)],
        "passed_over": [
            {"provider": one.offer.provider, "endpoint": one.offer.endpoint, "reason": one.reason}
            for one in planned.passed_over
        ],
    }


def _offer(runtime: Runtime, rank: int, choice: Quote) -> dict[str, Any]:
    return {
        "rank": rank,
        "provider": choice.offer.provider,
        "endpoint": choice.offer.endpoint,
        "low": money(choice.low_nano),
        "high": money(choice.high_nano),
        "exact": choice.exact,
        "basis": choice.basis,
        "spin_up": money(choice.spin_up_nano),
        "evidence": evidence_view(choice),
        "unit_price": price_view(choice.price),
        "expected_seconds": choice.seconds,
        "warm": _warm(runtime, choice),
        "expected_start_seconds": choice.start.seconds,
        "retention": _retention(choice.offer),
        "share": choice.share,
        "why": choice.why,
    }


def _warm(runtime: Runtime, choice: Quote) -> bool | None:
    """Where nothing has run yet, nobody has seen a runner."""
    shows = runtime.catalogue.limits.of_lane(choice.offer.lane).runners
    return False if shows and choice.start.warm is None else choice.start.warm


def _retention(offer: Offer) -> dict[str, Any]:
    return {
        "keeps": offer.retention,
        "zero_retention": offer.zero_retention,
        "source": offer.retention_source,
    }
