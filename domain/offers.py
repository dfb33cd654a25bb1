"""Offers: the ways to run a catalogue model, what each costs per unit, and what is known of its speed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.lifecycle import Kind


class Unit(StrEnum):
    """What a price is counted in."""

    CALL = "call"
    IMAGE = "image"
    SECOND = "second"
    MEGAPIXEL = "megapixel"
    TOKEN = "token"  # noqa: S105 - a unit of billing
    GPU_SECOND = "gpu_second"


@dataclass(frozen=True, slots=True)
class Tier:
    """A price that holds when every named input has the named value."""

    when: Mapping[str, Any]
    usd: Decimal


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What an offer costs: dollars per unit, the tiers in order (first match wins), and where this was read.

    ``high_usd`` is the upper end where billing depends on load; None where the price is fixed.
    """

    unit: Unit
    usd: Decimal
    since: date
    source: str
    tiers: tuple[Tier, ...] = ()
    high_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to run a model: provider, endpoint, price rule and parameter mapping.

    ``defaults`` are inputs that the endpoint assumes when the customer is silent (they decide the price too).
    ``price`` is None where no price is published: the offer can run, its quote is unknown.
    """

    model: str
    kind: Kind
    provider: str
    endpoint: str
    price: PriceRule | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    expected_seconds: int | None = None
    quality: int = 0
    retention: str = "unknown"
    zero_retention: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """What an offer would cost for a request, in nano-dollars; both ends None where it is not known."""

    offer: Offer
    low_nano: int | None
    high_nano: int | None
    basis: str | None

    @property
    def exact(self) -> bool:
        """Whether both ends are known and the same."""
        return self.low_nano is not None and self.low_nano == self.high_nano
