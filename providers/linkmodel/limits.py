"""What each LinkModel model takes, read from ``limits.toml`` (LinkModel contract, models and parameters)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.lifecycle import Kind

_FILE: Final = Path(__file__).with_name("limits.toml")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Data):
    """Whole numbers from ``least`` to ``most``, both included."""

    least: int
    most: int


class Pixels(_Data):
    """Free width x height: edges a multiple of ``multiple``, ``least`` to ``most`` pixels in all."""

    multiple: int
    longest: int
    ratio: int
    least: int
    most: int


class References(_Data):
    """The body field that takes a list of reference images, and how many it takes."""

    name: str
    most: int


class Rule(_Data):
    """Where ``when`` is given (and one of ``among``), ``field`` must be given (and one of ``takes``)."""

    when: str
    among: tuple[str | int, ...] = ()
    field: str
    takes: tuple[str | int, ...] = ()


class Limits(_Data):
    """What one model takes, by our own field names; empty, 0 and False mean that it has no such field.

    ``prompt`` is None where no largest length is published. ``images`` counts the reference images of an
    image model, ``count`` the largest ``max_images``. ``lists`` are the lists that ``extra`` may carry.
    """

    model: str
    prompt: int | None = None
    negative_prompt: int = 0
    images: int = 0
    references: References | None = None
    first_frame: bool = False
    last_frame: bool = False
    quality: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    duration: tuple[int, ...] | Span = ()
    sizes: Mapping[str, str] = Field(default_factory=dict)
    other_sizes: tuple[str, ...] = ()
    pixels: Pixels | None = None
    any_size: bool = False
    count: int = 0
    audio: bool = False
    lists: Mapping[str, int] = Field(default_factory=dict)
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def limits_of(kind: Kind, model: str) -> Limits | None:
    """The limits of a model; None for one that the data does not know."""
    return _known().get((kind, model))


def known_models(kind: Kind) -> tuple[str, ...]:
    """The model ids of a kind, as LinkModel writes them."""
    return tuple(model for its_kind, model in _known() if its_kind is kind)


@cache
def _known() -> Mapping[tuple[Kind, str], Limits]:
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    sizes = data["sizes"]
    return MappingProxyType(
        {
            (kind, model): Limits(model=model, **entry | {"sizes": sizes.get(entry.get("sizes"), {})})
            for kind in Kind
            for model, entry in data[kind.value].items()
        }
    )
