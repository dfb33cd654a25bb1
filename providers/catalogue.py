"""The price catalogue: which offers run a model, and what is published of their prices."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Self

from domain.lifecycle import Kind
from domain.offers import Offer, PriceRule
from providers.catalogue_entries import OfferEntry, ProviderEntry
from providers.catalogue_file import CatalogueFile, read

SHIPPED: Final = Path(__file__).with_name("catalogue.toml")

_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
# Endpoint ids: fal queue contract, "Endpoint ids and URL rules"; LinkModel names its models in one word.
_ENDPOINT_IDS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "fal": (
        re.compile(rf"(?:(?:workflows|comfy)/{_PART}|(?!workflows/|comfy/){_PART})(?:/{_PART})+"),
        "owner/app",
    ),
    "linkmodel": (re.compile(_PART), "id"),
}


class CatalogueError(Exception):
    """What a look-up can end in besides offers.

    CatalogueError
    ├── UnknownModel   neither a catalogue name nor a provider's endpoint
    ├── KindRequired   an endpoint that the catalogue does not know: say image or video
    └── KindMismatch   the job says one kind, the catalogue the other
    """


class UnknownModel(CatalogueError):  # noqa: N818 - names the fact
    """No offer goes by this name; ``suggestions`` are names like it, the closest first."""

    def __init__(self, model: str, suggestions: tuple[str, ...], rule: str | None = None) -> None:
        like = f"did you mean {' or '.join(suggestions)}?" if suggestions else "GET /v1/models lists them"
        super().__init__(f"model {model!r} is not known: {rule or like}")
        self.model = model
        self.suggestions = suggestions


class KindRequired(CatalogueError):  # noqa: N818 - names the fact
    """The catalogue cannot tell what this endpoint makes."""

    def __init__(self, model: str) -> None:
        super().__init__(f"model {model!r} is not in the catalogue: set kind to image or video")
        self.model = model


class KindMismatch(CatalogueError):  # noqa: N818 - names the fact
    """The model does not make what the job asks for."""

    def __init__(self, model: str, makes: Kind, asked: Kind) -> None:
        super().__init__(
            f"model {model!r} makes a {makes.value}, and kind says {asked.value}: leave kind out"
        )
        self.model = model
        self.makes = makes
        self.asked = asked


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model of the catalogue with its offers."""

    name: str
    kind: Kind
    offers: tuple[Offer, ...]


class Catalogue:
    """Every model that has a name here. Read once; never changes while a process runs."""

    def __init__(self, entries: CatalogueFile) -> None:
        self.dated: date | None = entries.dated
        self.limits = entries.limit_book()
        self.machines: Mapping[str, PriceRule] = {
            name: entry.rule() for name, entry in sorted(entries.machines.items())
        }
        self._entries = entries
        self._models = {model.name: model for model in self._named(entries)}
        self._by_endpoint: dict[tuple[str, str], Offer] = {}
        for model in self._models.values():
            for offer in model.offers:
                self._remember(offer)

    @classmethod
    def load(cls, overlay: Path | None = None) -> Self:
        """The shipped catalogue, with an operator's file laid over it.

        Raises:
            CatalogueFileError: a file cannot be read or breaks the format.
        """
        shipped = read(SHIPPED)
        return cls(shipped if overlay is None else read(overlay, over=shipped))

    def models(self) -> tuple[CatalogueModel, ...]:
        """Every model, by name."""
        return tuple(self._models[name] for name in sorted(self._models))

    def offers(self, model: str, kind: Kind | None = None) -> tuple[Offer, ...]:
        """The offers of a catalogue name, or the one of ``fal:owner/app/path`` or ``linkmodel:id``.

        Raises:
            UnknownModel: no such name, or not an endpoint id of that provider.
            KindRequired: an endpoint outside the catalogue, and no ``kind``.
            KindMismatch: ``kind`` is not what the model makes.
        """
        provider, prefixed, endpoint = model.partition(":")
        found = (self._direct(model, provider, endpoint, kind),) if prefixed else self._listed(model)
        for offer in found:
            if kind is not None and kind is not offer.kind:
                raise KindMismatch(model, offer.kind, kind)
        return found

    def _listed(self, model: str) -> tuple[Offer, ...]:
        if model in self._models:
            return self._models[model].offers
        raise UnknownModel(model, tuple(get_close_matches(model.lower(), self._models)))

    def _direct(self, model: str, provider: str, endpoint: str, kind: Kind | None) -> Offer:
        if provider not in _ENDPOINT_IDS:
            raise UnknownModel(model, (), f"before the colon goes {' or '.join(_ENDPOINT_IDS)}")
        pattern, form = _ENDPOINT_IDS[provider]
        if pattern.fullmatch(endpoint) is None:
            raise UnknownModel(model, (), f"write it as {provider}:{form}")
        known = self._by_endpoint.get((provider, endpoint))
        if known is not None:
            return replace(known, model=model)
        if kind is None:
            raise KindRequired(model)
        return self._unlisted(model, provider, endpoint, kind)

    def _unlisted(self, model: str, provider: str, endpoint: str, kind: Kind) -> Offer:
        about = self._about(provider)
        return Offer(
            model,
            kind,
            provider,
            endpoint,
            retention=about.retention,
            retention_source=about.retention_source,
            priced_extra=about.priced_extra,
            pays_starts=_pays_starts(about, endpoint),
        )

    def _named(self, entries: CatalogueFile) -> Iterator[CatalogueModel]:
        for name, kind in entries.kinds().items():
            offers = tuple(self._offer(name, kind, entry) for entry in entries.models[name].offers)
            yield CatalogueModel(name, kind, offers)

    def _offer(self, name: str, kind: Kind, entry: OfferEntry) -> Offer:
        about = self._about(entry.provider)
        return Offer(
            model=name,
            kind=kind,
            provider=entry.provider,
            endpoint=entry.endpoint,
            price=self._entries.price_of(entry),
            defaults=entry.defaults,
            expected_seconds=entry.expected_seconds,
            quality=entry.quality,
            retention=entry.retention or about.retention,
            retention_source=entry.retention_source or (None if entry.retention else about.retention_source),
            zero_retention=entry.zero_retention,
            unit=entry.unit,
            image_endpoint=entry.image_endpoint,
            accepts=entry.accepts,
            priced_extra=about.priced_extra,
            pays_starts=_pays_starts(about, entry.endpoint),
        )

    def _about(self, provider: str) -> ProviderEntry:
        return self._entries.providers.get(provider, ProviderEntry())

    def _remember(self, offer: Offer) -> None:
        self._by_endpoint.setdefault((offer.provider, offer.endpoint), offer)
        if offer.image_endpoint is not None:
            of_image = replace(offer, endpoint=offer.image_endpoint, image_endpoint=None)
            self._by_endpoint.setdefault((offer.provider, offer.image_endpoint), of_image)


def _pays_starts(about: ProviderEntry, endpoint: str) -> bool:
    return not endpoint.startswith(about.free_starts)
