"""From a request to a plan: the offers that can honour it, what each would cost, and their order."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import to_json

from domain.evidence import shape
from domain.generation import JobRequest
from domain.lifecycle import Kind
from domain.money import format_usd
from domain.offers import Offer, Quote
from domain.quoting import NOTHING, Known, quote_by
from domain.routing import NoOffer, PassedOver, Plan, plan
from providers.base import Unsupported
from providers.catalogue import KindMismatch, KindRequired, UnknownModel
from services.prices.knowing import known_of
from services.references import check_references
from services.refusals import Unprocessable
from services.runtime import Runtime
from storage import prices

_MOST_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Planned:
    """What a request comes to: its kind, the plan, and what stood in the way of the offers left out."""

    kind: Kind
    plan: Plan
    passed_over: Sequence[PassedOver]


def plan_request(runtime: Runtime, request: JobRequest) -> Planned:
    """Choose and order the offers for ``request`` by the prices that are known now; nothing is sent.

    Raises:
        Unprocessable: no offer can run it, with the reason of each, or a file cannot be fetched.
    """
    offers = _offers(runtime, request)
    check_references(request.input, runtime.private_hosts)
    obstacles = [_obstacle(runtime, offer, request) for offer in offers]
    given = request.input
    wanted = {offer.fitted_to(given).endpoint: shape(offer.defaults, given) for offer in offers}
    with runtime.database.work() as session:
        known = known_of(runtime, prices.knowledge(session, wanted))
    return _choose(runtime, request, offers, obstacles, known)


class Planner:
    """Plans with prices that it is given, and remembers its plans: most requests differ in the prompt alone.

    It also remembers how long a prompt was that nothing stood in the way of: by the providers' own word, what
    is shorter needs no asking, and of a file no more than that there is one.
    """

    def __init__(self, runtime: Runtime, *, most: int = _MOST_REMEMBERED) -> None:
        self._runtime = runtime
        self._most = most
        self._known = NOTHING
        self._plans: dict[tuple[Hashable, ...], Planned] = {}
        self._unhindered: dict[Hashable, tuple[int, Planned]] = {}

    def know(self, known: Known) -> None:
        """Plan by this from now on."""
        if known != self._known:
            self._known = known
            self._forget()

    def plan(self, request: JobRequest) -> Planned:
        """Choose and order the offers for ``request``; where jobs are split, see ``domain.routing.divided``.

        Raises:
            Unprocessable: no offer can run it, with the reason of each, or a file cannot be fetched.
        """
        asked = _decisive(request)
        length = len(request.input.prompt)
        longest, found = self._unhindered.get(asked, (0, None))
        if found is not None and length <= longest:
            check_references(request.input, self._runtime.private_hosts)
            return found
        offers = _offers(self._runtime, request)
        check_references(request.input, self._runtime.private_hosts)
        obstacles = [_obstacle(self._runtime, offer, request) for offer in offers]
        found = self._chosen(asked, request, offers, obstacles)
        if not any(obstacles):
            self._unhindered[asked] = (length, found)
        return found

    def _chosen(
        self,
        asked: Hashable,
        request: JobRequest,
        offers: Sequence[Offer],
        obstacles: Sequence[Unsupported | None],
    ) -> Planned:
        """The plan for all that was asked, where this stands in the way of the offers."""
        place = (asked, *(None if one is None else str(one) for one in obstacles))
        found = self._plans.get(place)
        if found is None:
            found = _choose(self._runtime, request, offers, obstacles, self._known)
            if len(self._plans) >= self._most:
                self._forget()
            self._plans[place] = found
        return found

    def _forget(self) -> None:
        self._plans.clear()
        self._unhindered.clear()


def _decisive(request: JobRequest) -> Hashable:
    """What two requests share that have the same plan, as far as their prompts stand in nobody's way.

    An offer takes any seed or none. Where a file lies is checked for itself: an offer only sees how many.
    """
    given = request.input
    image, loras = given.image_url, given.loras
    seen = given.__dict__ | {
        "prompt": None,
        "seed": given.seed is None,
        "image_url": ("a list", len(image)) if isinstance(image, list) else image is None,
        "last_image_url": given.last_image_url is None,
        "loras": None if loras is None else tuple((one.path, one.scale) for one in loras),
        "extra": to_json(given.extra) if given.extra else None,
    }
    return request.model, request.kind, *request.routing.__dict__.values(), *seen.values()


def _choose(
    runtime: Runtime,
    request: JobRequest,
    offers: Sequence[Offer],
    obstacles: Sequence[Unsupported | None],
    known: Known,
) -> Planned:
    if not offers:
        raise Unprocessable(f"{request.model} has no offer to run at", code="no_offer", field="model")
    unable = [
        (offer.fitted_to(request.input), obstacle)
        for offer, obstacle in zip(offers, obstacles, strict=True)
        if obstacle is not None
    ]
    out = [PassedOver(offer, str(obstacle)) for offer, obstacle in unable]
    if len(unable) == len(offers):
        raise Unprocessable(_sentence(out), field=f"input.{unable[-1][1].field}")
    able = [offer for offer, obstacle in zip(offers, obstacles, strict=True) if obstacle is None]
    try:
        chosen = plan(
            [quote_by(known, offer, request.input) for offer in able],
            request.routing,
            available=runtime.available,
        )
    except NoOffer as error:
        reasons = [*error.reasons, *out]
        raise Unprocessable(_sentence(reasons), code="no_offer", field="routing") from error
    return Planned(offers[0].kind, chosen, [*out, *chosen.passed_over])


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
        provider.arguments(offer.fitted_to(request.input), request.input)
    except Unsupported as error:
        return error
    return None


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
