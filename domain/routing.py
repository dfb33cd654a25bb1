"""Routing: which offers a job may run at, in which order, and why."""

import hashlib
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from domain.generation import Policy, Routing, Split
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
_ALL: Final = 100


def plan(quotes: Sequence[Quote], routing: Routing, *, available: Mapping[str, Availability]) -> Plan:
    """Choose the offers that a job may run at and rank them by the job's policies, in their order.

    Where jobs are split, the ranking is that of a job that nothing was drawn for: see ``divided``.

    Raises:
        NoOffer: every offer was passed over.
    """
    reasons = [(quoted, _obstacle(quoted, routing, available)) for quoted in quotes]
    passed = [PassedOver(quoted.offer, reason) for quoted, reason in reasons if reason is not None]
    open_to = sorted(
        (quoted for quoted, reason in reasons if reason is None),
        key=lambda quoted: (
            *(_RANKS[policy](quoted) for policy in routing.policies),
            _by_price(quoted),
            quoted.offer.provider,
            quoted.offer.endpoint,
        ),
    )
    if not open_to:
        raise NoOffer(tuple(passed))
    shared = open_to if routing.split is None else _shared(open_to, routing.split)
    tried = shared if routing.fallback else _firsts(shared)
    left = [one for one in shared if one not in tried]
    passed += [PassedOver(one.offer, "ranked lower, and fallback is off") for one in left]
    choices = [replace(one, why=_why(one, place, routing)) for place, one in enumerate(tried, 1)]
    return Plan(tuple(choices), tuple(passed))


def divided(made: Plan, routing: Routing, name: str) -> Plan:
    """The plan of the job called ``name``: the same name always draws the same of the shares.

    What was drawn goes first; the others stay behind it as fallbacks, where the job takes any.
    """
    shares = {
        place: one.share for place, one in enumerate(made.choices) if one.share is not None and one.share > 0
    }
    if routing.split is None or not shares:
        return made
    weights = routing.split.shares
    first = _drawn({place: weights[made.choices[place].offer.provider] for place in shares}, name)
    rest = made.choices[:first] + made.choices[first + 1 :]
    return Plan((made.choices[first], *(rest if routing.fallback else ())), made.passed_over)


def _shared(ranked: Sequence[Quote], split: Split) -> list[Quote]:
    """The quotes with the share of the jobs that begins there: at the best offer of each provider."""
    best = {quoted.offer.provider: quoted for quoted in reversed(ranked)}
    weights = {name: weight for name, weight in split.shares.items() if name in best}
    total = sum(weights.values())
    return [
        replace(quoted, share=round(_ALL * weights[name] / total, 1))
        if (name := quoted.offer.provider) in weights and best[name] is quoted
        else quoted
        for quoted in ranked
    ]


def _firsts(ranked: Sequence[Quote]) -> Sequence[Quote]:
    """Where a job may begin: at the best offer, or at any that has a share."""
    return [quoted for quoted in ranked if quoted.share is not None] or ranked[:1]


def _drawn(weights: Mapping[int, int], name: str) -> int:
    """One of the places, as often as its weight has it over many names."""
    digest = hashlib.sha256(name.encode()).digest()
    ends = list(accumulate(weights.values()))
    return list(weights)[bisect(ends, int.from_bytes(digest[:8], "big") % ends[-1])]


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
        return f"it does not promise zero retention: {offer.retention}"
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
    return (quoted.high_nano is None, not quoted.exact, _spread(quoted))


def _by_speed(quoted: Quote) -> _Rank:
    return (quoted.seconds is None, quoted.seconds or 0)


def _by_quality(quoted: Quote) -> _Rank:
    return (-quoted.offer.quality,)


_RANKS: Final[Mapping[Policy, Callable[[Quote], _Rank]]] = {
    Policy.CHEAPEST: _by_price,
    Policy.PREDICTABLE: _by_certainty,
    Policy.FASTEST: _by_speed,
    Policy.QUALITY: _by_quality,
}


def _spread(quoted: Quote) -> int:
    return (quoted.high_nano or 0) - (quoted.low_nano or 0)


def _why(quoted: Quote, place: int, routing: Routing) -> str:
    names = ", then ".join(policy.value for policy in routing.policies)
    order = "first choice" if place == 1 else f"fallback {place - 1}"
    begins = f"{order} by policy {names}"
    if quoted.share is not None:
        begins = f"{quoted.share:g} % of jobs begin here by split"
    facts = dict.fromkeys(
        fact for policy in (*routing.policies, Policy.CHEAPEST) for fact in _FACTS[policy](quoted)
    )
    return f"{begins}: {', '.join(facts)}"


def _certainty_words(quoted: Quote) -> list[str]:
    if quoted.high_nano is None:
        return []
    return ["the price is fixed" if quoted.exact else f"the price varies by ${format_usd(_spread(quoted))}"]


def _speed_words(quoted: Quote) -> list[str]:
    if quoted.start.whole_seconds is not None:
        return [f"took about {quoted.start.whole_seconds} s here lately"]
    published = quoted.offer.expected_seconds
    return ["its speed is not known" if published is None else f"takes about {published} s"]


def _price_words(quoted: Quote) -> list[str]:
    if quoted.low_nano is None or quoted.high_nano is None:
        return ["its price is not known"]
    if quoted.exact:
        return [f"costs ${format_usd(quoted.high_nano)}"]
    return [f"costs ${format_usd(quoted.low_nano)} to ${format_usd(quoted.high_nano)}"]


_FACTS: Final[Mapping[Policy, Callable[[Quote], list[str]]]] = {
    Policy.CHEAPEST: _price_words,
    Policy.PREDICTABLE: _certainty_words,
    Policy.FASTEST: _speed_words,
    Policy.QUALITY: lambda quoted: [f"quality rank {quoted.offer.quality}"],
}
