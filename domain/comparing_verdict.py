"""Where a model is cheaper, in one sentence: as sure as the payments behind it, and no surer."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.comparing import Certainty, Projection
from domain.money import NANO_PER_USD, format_usd


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run a model, by the name that people know it by, and what a month of it would cost."""

    name: str
    month: Projection


def by_price(contenders: Sequence[Contender]) -> list[Contender]:
    """The cheapest month first, those of unknown cost last."""
    return sorted(contenders, key=lambda one: (one.month.nano is None, one.month.nano or 0, one.name))


def verdict(model: str, contenders: Sequence[Contender]) -> str:
    """Where ``model`` is cheaper a month, how sure that is, and against what."""
    known = [one for one in by_price(contenders) if one.month.nano is not None]
    if not known:
        return f"{model}: no cost is known yet"
    first, *others = known
    if not others:
        return f"{model}: only {first.name} has been paid so far, {_month(first)} a month"
    against = ", ".join(f"{_month(one)} at {one.name}" for one in others)
    facts = f"{_month(first)} a month at {first.name} against {against}"
    if _unsure(known):
        return f"{model}: {facts}; too few payments to be sure"
    if _ends(first)[1] < min(_ends(one)[0] for one in others):
        return f"{model}: cheaper at {first.name}: {facts}"
    return f"{model}: no clear difference: {facts}"


def rounded_usd(nano: int) -> str:
    """Dollars for people: a large sum to the cent, a small one exactly."""
    if abs(nano) < NANO_PER_USD:
        return format_usd(nano)
    cents = (abs(nano) * 100 * 2 + NANO_PER_USD) // (2 * NANO_PER_USD)
    whole, rest = divmod(cents, 100)
    return f"{'-' if nano < 0 else ''}{whole:,}{f'.{rest:02d}' if rest else ''}"


def _month(one: Contender) -> str:
    month = one.month
    if month.certainty is not Certainty.INTERVAL or month.low_nano == month.high_nano:
        return f"{'' if month.certainty is Certainty.EXACT else 'about '}${rounded_usd(month.nano or 0)}"
    low, high = _ends(one)
    return f"${rounded_usd(low)} to ${rounded_usd(high)}"


def _unsure(known: Sequence[Contender]) -> bool:
    return any(one.month.certainty is Certainty.TOO_FEW for one in known)


def _ends(one: Contender) -> tuple[int, int]:
    nano = one.month.nano or 0
    low, high = one.month.low_nano, one.month.high_nano
    return nano if low is None else low, nano if high is None else high
