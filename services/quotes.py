"""What a request would cost at every offer, before anything is sent."""

from typing import Any

from domain.generation import JobRequest
from domain.lanes import Lane
from domain.offers import Quote
from services import lanes
from services.planning import plan_request
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
    start = lanes.expected_start(runtime, Lane(choice.offer.provider, choice.offer.endpoint))
    return {
        "rank": rank,
        "provider": choice.offer.provider,
        "endpoint": choice.offer.endpoint,
        "low": money(choice.low_nano),
        "high": money(choice.high_nano),
        "exact": choice.exact,
        "basis": choice.basis,
        "expected_seconds": start.whole_seconds or choice.offer.expected_seconds,
        "warm": start.warm,
        "expected_start_seconds": start.seconds,
        "why": choice.why,
    }
