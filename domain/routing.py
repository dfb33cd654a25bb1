"""Routing: which offers a job may run at, in which order, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.generation import Policy, Routing
from domain.money import format_usd
from domain.offers import Offer, Quote


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a provider can be reached at all, and whether a sandbox answers in its place."""

    configured: bool
    sandbox: bool


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An offer that the job does not run at, with a sentence that says why."""

    offer: Offer
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The quotes in the order in which they will be tried, each saying why; and what was passed over."""

    choices: tuple[Quote, ...]
    passed_over: tuple[PassedOver, ...]


class NoOffer(Exception):  # noqa: N818 - names the fact
    """No offer can run the job; ``reasons`` has one for every offer of the model."""

    def __init__(self, reasons: tuple[PassedOver, ...]) -> None:
        each = "; ".join(f"{one.offer.provider} {one.offer.endpoint}: {one.reason}" for one in reasons)
        super().__init__(f"no offer can run this job: {each or 'the model has none'}")
        self.reasons = reasons


_Rank = tuple[int | bool, ...]


def plan(quotes: Sequence[Quote], routing: Routing, *, available: Mapping[str, Availability]) -> Plan:
    """Choose the offers that a job may run at and rank them by the job's policy.

    Raises:
        NoOffer: every offer was passed over.
    """
    reasons = [(quoted, _obstacle(quoted, routing, available)) for quoted in quotes]
    passed = [PassedOver(quoted.offer, reason) for quoted, reason in reasons if reason is not None]
    rank = _RANKS[routing.policy]
    open_to = sorted(
        (quoted for quoted, reason in reasons if reason is None),
        key=lambda quoted: (rank(quoted), quoted.offer.provider, quoted.offer.endpoint),
    )
    if not open_to:
        raise NoOffer(tuple(passed))
    tried = open_to if routing.fallback else open_to[:1]
    passed += [PassedOver(left.offer, "ranked lower, and fallback is off") for left in open_to[len(tried) :]]
    choices = [
        replace(quoted, why=_why(quoted, place, routing.policy)) for place, quoted in enumerate(tried, 1)
    ]
    return Plan(tuple(choices), tuple(passed))


def _obstacle(quoted: Quote, routing: Routing, available: Mapping[str, Availability]) -> str | None:
    """What keeps the job from this offer; None where nothing does."""
    offer = quoted.offer
    if routing.provider not in {"auto", offer.provider}:
        return f"the job asks for {routing.provider}"
    here = available.get(offer.provider)
    if here is None or not here.configured:
        return f"{offer.provider} is not configured: set its API key"
    # A made-up result must never slip in among real ones; asking for the provider by name still reaches it.
    if routing.provider == "auto" and here.sandbox and _any_real(available):
        return f"only a sandbox stands in for {offer.provider}: name the provider to use it"
    if routing.zero_retention and not offer.zero_retention:
        return "it does not promise zero retention"
    return _over_the_ceiling(quoted, routing.max_cost_nano)


def _any_real(available: Mapping[str, Availability]) -> bool:
    return any(one.configured and not one.sandbox for one in available.values())


def _over_the_ceiling(quoted: Quote, ceiling: int | None) -> str | None:
    if ceiling is None:
        return None
    limit = f"max_cost_usd {format_usd(ceiling)}"
    if quoted.high_nano is None:
        return f"its price is not known beforehand, so {limit} cannot be promised"
    if quoted.high_nano > ceiling:
        return f"it may cost ${format_usd(quoted.high_nano)}, above {limit}"
    return None


def _by_price(quoted: Quote) -> _Rank:
    high = quoted.high_nano
    return (high is None, high or 0)


def _by_certainty(quoted: Quote) -> _Rank:
    return (quoted.high_nano is None, not quoted.exact, _spread(quoted), *_by_price(quoted))


def _by_speed(quoted: Quote) -> _Rank:
    seconds = quoted.offer.expected_seconds
    return (seconds is None, seconds or 0, *_by_price(quoted))


def _by_quality(quoted: Quote) -> _Rank:
    return (-quoted.offer.quality, *_by_price(quoted))


_RANKS: Final[Mapping[Policy, Callable[[Quote], _Rank]]] = {
    Policy.CHEAPEST: _by_price,
    Policy.PREDICTABLE: _by_certainty,
    Policy.FASTEST: _by_speed,
    Policy.QUALITY: _by_quality,
}


def _spread(quoted: Quote) -> int:
    return (quoted.high_nano or 0) - (quoted.low_nano or 0)


def _why(quoted: Quote, place: int, policy: Policy) -> str:
    facts = [_price_words(quoted)]
    if policy is Policy.PREDICTABLE and quoted.high_nano is not None:
        varies = f"the price varies by ${format_usd(_spread(quoted))}"
        facts.insert(0, "the price is fixed" if quoted.exact else varies)
    if policy is Policy.FASTEST:
        facts.insert(0, _speed_words(quoted.offer))
    if policy is Policy.QUALITY:
        facts.insert(0, f"quality rank {quoted.offer.quality}")
    order = "first choice" if place == 1 else f"fallback {place - 1}"
    return f"{order} by policy {policy.value}: {', '.join(facts)}"


def _speed_words(offer: Offer) -> str:
    if offer.expected_seconds is None:
        return "its speed is not known"
    return f"takes about {offer.expected_seconds} s"


def _price_words(quoted: Quote) -> str:
    if quoted.low_nano is None or quoted.high_nano is None:
        return "its price is not known"
    if quoted.exact:
        return f"costs ${format_usd(quoted.high_nano)}"
    return f"costs ${format_usd(quoted.low_nano)} to ${format_usd(quoted.high_nano)}"
