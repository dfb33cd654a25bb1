"""The entries of a catalogue file, read strictly: offers, prices, machines and limits."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import PriceRule, Tier, Unit

_INPUTS: Final = frozenset(GenerationInput.model_fields) - {"extra"}
_DOLLARS: Final = re.compile(r"\d{1,6}(\.\d{1,18})?", re.ASCII)


def _dollars(written: object) -> Decimal:
    """Money is written as text, so that no float ever touches it."""
    if not isinstance(written, str) or _DOLLARS.fullmatch(written) is None:
        raise ValueError('write dollars as text in quotes, like "0.061"')
    return Decimal(written)


def _as_input(name: str, value: object) -> object:
    """The value as the input of that name would take it."""
    if name not in _INPUTS:
        raise ValueError(f"{name!r} is not an input; inputs are {', '.join(sorted(_INPUTS))}")
    try:
        return getattr(GenerationInput.model_validate({"prompt": "-", name: value}), name)
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors()[0]['msg']}") from error


def _defaults(written: dict[str, object]) -> dict[str, object]:
    return {name: _as_input(name, value) for name, value in written.items()}


def _conditions(written: dict[str, object]) -> dict[str, object]:
    """What inputs must be: one value, or any of a list of values."""
    return {
        name: [_as_input(name, one) for one in (value if isinstance(value, list) else [value])]
        for name, value in written.items()
    }


def _known(names: frozenset[str]) -> frozenset[str]:
    if strangers := names - _INPUTS:
        raise ValueError(
            f"{', '.join(sorted(strangers))}: not inputs; inputs are {', '.join(sorted(_INPUTS))}"
        )
    return names


Usd = Annotated[Decimal, BeforeValidator(_dollars)]
Defaults = Annotated[dict[str, Any], AfterValidator(_defaults)]
Conditions = Annotated[dict[str, Any], AfterValidator(_conditions)]
Accepted = Annotated[frozenset[str], AfterValidator(_known)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_SECONDS_AN_HOUR: Final = 3600
_FINEST: Final = Decimal("1E-18")
LimitName = Annotated[str, StringConstraints(pattern=r"^(linkmodel|fal)(:.{1,300})?$")]
ProviderName = Annotated[str, StringConstraints(pattern=r"^(linkmodel|fal)$")]


class Strict(BaseModel):
    """An entry: no field that is not known, and no change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def over(self, below: Self) -> Self:
        """This entry laid over another: the fields that it names win, the others stay."""
        return below.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


_Key = TypeVar("_Key")
_Entry = TypeVar("_Entry", bound=Strict)


def each_over(upper: Mapping[_Key, _Entry], below: Mapping[_Key, _Entry]) -> dict[_Key, _Entry]:
    """The entries of the upper file, each laid over the one below that has its name."""
    return {key: entry.over(below[key]) if key in below else entry for key, entry in upper.items()}


class TierEntry(Strict):
    """A price for certain inputs, as written in the file."""

    when: Annotated[Conditions, Field(min_length=1)]
    usd: Usd


class PriceEntry(Strict):
    """A price as written in the file."""

    unit: Unit
    usd: Usd
    since: date
    source: Text
    tiers: tuple[TierEntry, ...] = ()
    high_usd: Usd | None = None
    only_when: Conditions = Field(default_factory=dict)
    rounded_up: StrictBool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.high_usd is not None and self.high_usd < self.usd:
            raise ValueError("high_usd must not be below usd")
        if self.rounded_up and self.unit is not Unit.MEGAPIXEL:
            raise ValueError("rounded_up goes with the unit megapixel only")
        return self

    def rule(self) -> PriceRule:
        """The price as the domain knows it."""
        return PriceRule(
            unit=self.unit,
            usd=self.usd,
            since=self.since,
            source=self.source,
            tiers=tuple(Tier(tier.when, tier.usd) for tier in self.tiers),
            high_usd=self.high_usd,
            only_when=self.only_when,
            rounded_up=self.rounded_up,
        )


class MachineEntry(Strict):
    """What an hour of one GPU of a kind costs at fal, for applications of one's own."""

    usd_per_hour: Usd
    high_usd_per_hour: Usd | None = None
    since: date
    source: Text

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.high_usd_per_hour is not None and self.high_usd_per_hour < self.usd_per_hour:
            raise ValueError("high_usd_per_hour must not be below usd_per_hour")
        return self

    def rule(self, gpus: int = 1) -> PriceRule:
        """The price of a second of so many of them."""
        high = self.high_usd_per_hour
        return PriceRule(
            unit=Unit.GPU_SECOND,
            usd=_a_second(self.usd_per_hour, gpus),
            since=self.since,
            source=self.source,
            high_usd=None if high is None else _a_second(high, gpus),
        )


def _a_second(usd_per_hour: Decimal, gpus: int) -> Decimal:
    return (usd_per_hour * gpus / _SECONDS_AN_HOUR).quantize(_FINEST).normalize()


class OfferEntry(Strict):
    """An offer as written in the file; provider and endpoint say which one it is.

    An application of one's own names its ``machine``, and how many ``gpus`` of it, instead of a price.
    """

    provider: ProviderName
    endpoint: Text
    image_endpoint: Text | None = None
    price: PriceEntry | None = None
    unit: Unit | None = None
    defaults: Defaults = Field(default_factory=dict)
    accepts: Accepted = frozenset()
    expected_seconds: Annotated[StrictInt, Field(ge=1)] | None = None
    quality: StrictInt = 0
    machine: Text | None = None
    gpus: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    retention: Text | None = None
    retention_source: Text | None = None
    zero_retention: StrictBool = False

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        if self.machine is not None and self.price is not None:
            raise ValueError("give it a price or a machine, not both")
        return self


class ModelEntry(Strict):
    """A model as written in the file."""

    kind: Kind | None = None
    offers: tuple[OfferEntry, ...] = ()

    def over(self, below: Self) -> Self:
        """This entry laid over another: offers at the same place are merged, new ones are added."""
        places = {(offer.provider, offer.endpoint): offer for offer in below.offers}
        laid = {(offer.provider, offer.endpoint): offer for offer in self.offers}
        offers = tuple((places | each_over(laid, places)).values())
        return self.model_copy(update={"kind": self.kind or below.kind, "offers": offers})


class ProviderEntry(Strict):
    """What holds for all offers of one provider.

    ``free_starts`` is how endpoints begin whose runners' starts are not billed, should the GPU second be.
    """

    retention: Text = "unknown"
    retention_source: Text | None = None
    free_starts: tuple[Text, ...] = ()
    priced_extra: frozenset[Text] = frozenset()


class LimitEntry(Strict):
    """What a provider, or one endpoint as ``provider:endpoint``, is asked to bear."""

    in_flight: Annotated[StrictInt, Field(ge=1)] | None = None
    submits_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    looks_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    runners: StrictBool | None = None
    warm_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None
    pilot_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None
    settle_seconds: Annotated[float, Field(ge=1, le=2_592_000)] | None = None
