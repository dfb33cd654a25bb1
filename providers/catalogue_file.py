"""The format of a catalogue file, read strictly, and how one file is laid over another."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
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
from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.limits import LimitBook, Limits
from domain.offers import PriceRule, Tier, Unit

_INPUTS: Final = frozenset(GenerationInput.model_fields) - {"extra"}
_DOLLARS: Final = re.compile(r"\d{1,6}(\.\d{1,18})?", re.ASCII)


class CatalogueFileError(ValueError):
    """A catalogue file that cannot be used; ``problems`` names each entry and field with what is wrong."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"catalogue {path}: {'; '.join(problems)}")
        self.path = path
        self.problems = tuple(problems)


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
LimitName = Annotated[str, StringConstraints(pattern=r"^(linkmodel|fal)(:.{1,300})?$")]
ProviderName = Annotated[str, StringConstraints(pattern=r"^(linkmodel|fal)$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def over(self, below: Self) -> Self:
        """This entry laid over another: the fields that it names win, the others stay."""
        return below.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


_Key = TypeVar("_Key")
_Entry = TypeVar("_Entry", bound=_Strict)


def _each_over(upper: Mapping[_Key, _Entry], below: Mapping[_Key, _Entry]) -> dict[_Key, _Entry]:
    return {key: entry.over(below[key]) if key in below else entry for key, entry in upper.items()}


class TierEntry(_Strict):
    """A price for certain inputs, as written in the file."""

    when: Annotated[Conditions, Field(min_length=1)]
    usd: Usd


class PriceEntry(_Strict):
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


class OfferEntry(_Strict):
    """An offer as written in the file; provider and endpoint say which one it is."""

    provider: ProviderName
    endpoint: Text
    image_endpoint: Text | None = None
    price: PriceEntry | None = None
    unit: Unit | None = None
    defaults: Defaults = Field(default_factory=dict)
    accepts: Accepted = frozenset()
    expected_seconds: Annotated[StrictInt, Field(ge=1)] | None = None
    quality: StrictInt = 0
    retention: Text | None = None
    zero_retention: StrictBool = False


class ModelEntry(_Strict):
    """A model as written in the file."""

    kind: Kind | None = None
    offers: tuple[OfferEntry, ...] = ()

    def over(self, below: Self) -> Self:
        """This entry laid over another: offers at the same place are merged, new ones are added."""
        places = {(offer.provider, offer.endpoint): offer for offer in below.offers}
        laid = {(offer.provider, offer.endpoint): offer for offer in self.offers}
        offers = tuple((places | _each_over(laid, places)).values())
        return self.model_copy(update={"kind": self.kind or below.kind, "offers": offers})


class ProviderEntry(_Strict):
    """What holds for all offers of one provider."""

    retention: Text = "unknown"
    priced_extra: frozenset[Text] = frozenset()


class LimitEntry(_Strict):
    """What a provider, or one endpoint as ``provider:endpoint``, is asked to bear."""

    in_flight: Annotated[StrictInt, Field(ge=1)] | None = None
    submits_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    looks_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    runners: StrictBool | None = None
    warm_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None
    pilot_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None
    settle_seconds: Annotated[float, Field(ge=1, le=2_592_000)] | None = None


class CatalogueFile(_Strict):
    """A whole file."""

    dated: date | None = None
    limits: dict[LimitName, LimitEntry] = Field(default_factory=dict)
    providers: dict[ProviderName, ProviderEntry] = Field(default_factory=dict)
    models: dict[Name, ModelEntry] = Field(default_factory=dict)

    def over(self, below: Self) -> Self:
        """This file laid over another, entry by entry."""
        return self.model_copy(
            update={
                "dated": self.dated or below.dated,
                "limits": below.limits | _each_over(self.limits, below.limits),
                "providers": below.providers | _each_over(self.providers, below.providers),
                "models": below.models | _each_over(self.models, below.models),
            }
        )

    def limit_book(self) -> LimitBook:
        """The limits as the domain knows them: an endpoint's own, the rest as its provider has it."""
        named = {name: entry for name, entry in self.limits.items() if ":" not in name}
        lanes = {
            Lane(*name.split(":", 1)): entry.over(named.get(name.split(":", 1)[0], LimitEntry()))
            for name, entry in self.limits.items()
            if ":" in name
        }
        return LimitBook(
            {name: _limits(entry) for name, entry in named.items()},
            {lane: _limits(entry) for lane, entry in lanes.items()},
        )

    def kinds(self) -> dict[str, Kind]:
        """What each model makes, as far as it is said."""
        return {name: entry.kind for name, entry in self.models.items() if entry.kind is not None}


def _limits(entry: LimitEntry) -> Limits:
    return Limits(**entry.model_dump(exclude_none=True))


def read(path: Path, *, over: CatalogueFile | None = None) -> CatalogueFile:
    """Read a catalogue file, laid over another one where that is given.

    Raises:
        CatalogueFileError: it cannot be read, is not TOML, or breaks the format.
    """
    try:
        entries = CatalogueFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise CatalogueFileError(path, [f"cannot be read: {error.strerror}"]) from error
    except ValidationError as error:
        raise CatalogueFileError(
            path, [_problem(each["loc"], each["msg"]) for each in error.errors()]
        ) from error
    except ValueError as error:
        raise CatalogueFileError(path, [f"is not TOML in UTF-8: {error}"]) from error
    whole = entries if over is None else entries.over(over)
    if unsaid := sorted(whole.models.keys() - whole.kinds().keys()):
        raise CatalogueFileError(path, [f"model {name}, kind: say image or video" for name in unsaid])
    return whole


def _problem(place: tuple[int | str, ...], message: str) -> str:
    """One problem as a person would say it: the entry, the field, and what is wrong."""
    words = list(place)
    entry = ""
    if words[:1] == ["models"] and len(words) > 1:
        entry = f"model {words[1]}"
        words = words[2:]
    if words[:1] == ["offers"] and len(words) > 1:
        entry += f", offer {int(words[1]) + 1}"
        words = words[2:]
    field = ".".join(str(word) for word in words)
    where = ", ".join(part for part in (entry, field) if part)
    return f"{where}: {message.removeprefix('Value error, ')}"
