"""The format of a catalogue file, and how one file is laid over another."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.limits import LimitBook, Limits
from domain.offers import PriceRule
from providers.catalogue_entries import (
    LimitEntry,
    LimitName,
    MachineEntry,
    ModelEntry,
    Name,
    OfferEntry,
    ProviderEntry,
    ProviderName,
    Strict,
    Text,
    each_over,
)


class CatalogueFileError(ValueError):
    """A catalogue file that cannot be used; ``problems`` names each entry and field with what is wrong."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"catalogue {path}: {'; '.join(problems)}")
        self.path = path
        self.problems = tuple(problems)


class CatalogueFile(Strict):
    """A whole file."""

    dated: date | None = None
    limits: dict[LimitName, LimitEntry] = Field(default_factory=dict)
    machines: dict[Text, MachineEntry] = Field(default_factory=dict)
    providers: dict[ProviderName, ProviderEntry] = Field(default_factory=dict)
    models: dict[Name, ModelEntry] = Field(default_factory=dict)

    def over(self, below: Self) -> Self:
        """This file laid over another, entry by entry."""
        return self.model_copy(
            update={
                "dated": self.dated or below.dated,
                "limits": below.limits | each_over(self.limits, below.limits),
                "machines": below.machines | each_over(self.machines, below.machines),
                "providers": below.providers | each_over(self.providers, below.providers),
                "models": below.models | each_over(self.models, below.models),
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

    def price_of(self, offer: OfferEntry) -> PriceRule | None:
        """What is published of an offer's price, also by the machine that it runs on."""
        if offer.machine is not None:
            return self.machines[offer.machine].rule(offer.gpus)
        return None if offer.price is None else offer.price.rule()

    def problems(self) -> list[str]:
        """What no entry shows by itself: models without a kind, and machines that are not listed."""
        unsaid = sorted(self.models.keys() - self.kinds().keys())
        strangers = [
            f"model {name}, offer {number}, machine: {offer.machine!r} is not one of "
            f"{', '.join(sorted(self.machines))}"
            for name, model in self.models.items()
            for number, offer in enumerate(model.offers, 1)
            if offer.machine is not None and offer.machine not in self.machines
        ]
        return [f"model {name}, kind: say image or video" for name in unsaid] + strangers

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
    if problems := whole.problems():
        raise CatalogueFileError(path, problems)
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
