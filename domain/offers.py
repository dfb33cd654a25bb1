"""Offers: the ways to run a catalogue model, what each costs per unit, and what is known of its speed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Self

from domain.evidence import Evidence
from domain.generation import GenerationInput
from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.starts import UNKNOWN_START, Start


class Unit(StrEnum):
    """What a price is counted in."""

    CALL = "call"
    IMAGE = "image"
    SECOND = "second"
    MEGAPIXEL = "megapixel"
    TOKEN = "token"  # noqa: S105 - a unit of billing
    GPU_SECOND = "gpu_second"


_GPU_SECONDS: Final = frozenset({"gpu second", "compute second"})


def is_gpu_second(unit: str) -> bool:
    """Whether a provider's own word for its unit means a second of a GPU's time."""
    return unit.replace("_", " ").strip().lower().removesuffix("s") in _GPU_SECONDS


@dataclass(frozen=True, slots=True)
class Tier:
    """A price that holds when every named input has the named value, or one of a list of values."""

    when: Mapping[str, Any]
    usd: Decimal


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What an offer costs: dollars per unit, the tiers in order (first match wins), and where this was read.

    ``high_usd`` is the upper end where billing depends on load or sources disagree; None where the price is
    fixed. ``only_when`` limits the base price to the inputs that it was published for: outside of them, and
    of the tiers, the price is not known. ``rounded_up`` means that the provider bills the size of each image
    up to the next whole unit, so that the exact size is the lower end only.
    """

    unit: Unit
    usd: Decimal
    since: date
    source: str
    tiers: tuple[Tier, ...] = ()
    high_usd: Decimal | None = None
    only_when: Mapping[str, Any] = field(default_factory=dict)
    rounded_up: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to run a model: provider, endpoint, price rule and parameter mapping.

    ``defaults`` are inputs that the endpoint assumes when the customer is silent (they decide the price too).
    ``price`` is None where no price is published: the offer can run, its quote is unknown; ``unit`` is then
    what the provider counts, as far as that is known. ``image_endpoint`` is used instead of ``endpoint`` when
    the job starts from an image. ``accepts`` names the inputs that it honours. ``priced_extra`` names the
    provider's own parameters that change the price: a job that sets one through ``extra`` has no quote.
    ``retention_source`` is where it was read what the provider keeps. ``pays_starts`` where a runner's start
    is billed too, should the GPU second be the unit.
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
    unit: Unit | None = None
    image_endpoint: str | None = None
    accepts: frozenset[str] = frozenset()
    priced_extra: frozenset[str] = frozenset()
    retention_source: str | None = None
    pays_starts: bool = False

    @property
    def lane(self) -> Lane:
        """The endpoint at its provider."""
        return Lane(self.provider, self.endpoint)

    @property
    def billed_in(self) -> Unit | None:
        """What the provider counts; None where that is not known."""
        return self.unit if self.price is None else self.price.unit

    def fitted_to(self, given: GenerationInput) -> Self:
        """The offer with the endpoint that this input goes to."""
        if self.image_endpoint is None or given.image_url is None:
            return self
        return replace(self, endpoint=self.image_endpoint, image_endpoint=None)


@dataclass(frozen=True, slots=True)
class KnownPrice:
    """What a provider last said that one billed unit costs, in dollars; ``since`` when it has said so."""

    usd: Decimal
    unit: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What an offer would cost for a request, in nano-dollars; both ends None where it is not known.

    ``evidence`` is what comparable jobs really cost here, where enough have run. ``spin_up_nano`` is what the
    start of a runner would add, already part of both ends where these stand on evidence; None where it is not
    billed or not known. ``price`` is the unit price that the provider named last. ``why`` says why the offer
    ranks where it does, once it has been ranked; ``share`` how many of 100 jobs begin there, where jobs are
    split.
    """

    offer: Offer
    low_nano: int | None
    high_nano: int | None
    basis: str | None
    why: str | None = None
    evidence: Evidence | None = None
    spin_up_nano: int | None = None
    price: KnownPrice | None = None
    start: Start = UNKNOWN_START
    share: float | None = None

    @property
    def exact(self) -> bool:
        """Whether both ends are known and the same."""
        return self.low_nano is not None and self.low_nano == self.high_nano

    @property
    def seconds(self) -> int | None:
        """How long until the result: as it lately took here, else as it was published; None if unknown."""
        return self.start.whole_seconds or self.offer.expected_seconds
