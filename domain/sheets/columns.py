"""The columns that mean something: where each one's value goes, how it is read, and what it takes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, get_args

from domain.generation import Policy, Priority, Routing
from domain.lifecycle import Kind
from domain.sheets import cells
from domain.sheets.errors import ColumnNameError
from domain.sheets.header import Header
from domain.sheets.json_cells import json_object, json_or_text
from domain.sheets.limits import MAX_ROW_ID_CHARACTERS
from domain.sheets.names import (
    INPUT_FIELDS,
    REQUEST_FIELDS,
    ROUTING_FIELDS,
    ROW_ID,
    column_key,
    place_of,
    shortened,
)


class Place(StrEnum):
    """Which part of a job request a column's value belongs to."""

    ROW = "row"
    REQUEST = "request"
    INPUT = "input"
    ROUTING = "routing"
    TAGS = "tags"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet that is understood: the header's name for it, and what is made of its cells."""

    position: int
    name: str
    place: Place
    key: str
    read: Callable[[str], object]


def _whole(first: int, last: int, of: str = "") -> str:
    return f"a whole number{of}, {first} to {last}"


def _one_of(*words: str) -> str:
    return f"one of {', '.join(words)}"


_URL: Final = "a URL that begins with https:// (or http://), of at most 4096 characters"

EXPECTED: Final[Mapping[str, str]] = {
    "row_id": f"your own name for the row, unique in the file, of at most {MAX_ROW_ID_CHARACTERS} characters",
    "model": "a model such as kling-v3, of at most 200 characters",
    "kind": _one_of(*Kind),
    "callback_url": _URL,
    "priority": _one_of(*Priority),
    "prompt": "what is to be made, in 1 to 200000 characters",
    "negative_prompt": "what is to be avoided, in at most 20000 characters",
    "image_url": f"{_URL}; several with a space between them, or as a JSON list",
    "last_image_url": _URL,
    "aspect_ratio": "a ratio like 16:9",
    "resolution": "a resolution like 720p or 2K",
    "duration": _whole(1, 600, " of seconds"),
    "size": "a size like 1024x1024, of at most 40 characters",
    "count": _whole(1, 100),
    "seed": _whole(0, 2**63 - 1),
    "quality": "a quality such as high, of at most 40 characters",
    "audio": "yes or no",
    "loras": "at most 20, each as path or path:scale with a space between them, or as a JSON list like "
    '[{"path": "…", "scale": 0.8}]; a scale is a number from -4 to 4',
    "extra": 'a JSON object like {"cfg_scale": 0.5}',
    "provider": _one_of(*get_args(Routing.model_fields["provider"].annotation)),
    "policy": f"{_one_of(*Policy)}, or several of them with a space between, the first one first",
    "split": "shares like linkmodel:80 fal:20, whole numbers from 0 to 1000",
    "fallback": "yes or no",
    "max_cost_usd": "an amount in dollars, from 0 to 9223372036, like 0.50",
    "start_timeout": _whole(2, 86_400, " of seconds"),
    "deadline": _whole(1, 2_592_000, " of seconds"),
    "max_attempts": _whole(1, 10),
    "zero_retention": "yes or no",
    "hint": "1 to 200 visible ASCII characters without spaces",
    "object_lifetime": _whole(60, 31_536_000, " of seconds"),
}

_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "row_id": cells.identity,
    "prompt": cells.verbatim,
    "negative_prompt": cells.verbatim,
    "image_url": cells.urls,
    "aspect_ratio": cells.ratio,
    "loras": cells.loras,
    "extra": json_object,
    "max_cost_usd": cells.dollars,
    "policy": cells.ranking,
    "split": cells.shares,
    **dict.fromkeys(("kind", "priority", "provider"), cells.choice),
    **dict.fromkeys(("audio", "fallback", "zero_retention"), cells.truth),
    **dict.fromkeys(("duration", "count", "seed", "max_attempts"), cells.whole),
    **dict.fromkeys(("start_timeout", "deadline", "object_lifetime"), cells.whole),
}

_PLACES: Final[Mapping[str, Place]] = {
    ROW_ID: Place.ROW,
    **dict.fromkeys(REQUEST_FIELDS, Place.REQUEST),
    **dict.fromkeys(INPUT_FIELDS, Place.INPUT),
    **dict.fromkeys(ROUTING_FIELDS, Place.ROUTING),
}


@dataclass(frozen=True, slots=True)
class _Prefix:
    """Columns that are called by a prefix, a dot, and a name that is not ours."""

    place: Place
    names: re.Pattern[str]
    wanted: str
    read: Callable[[str], object]
    expected: str


_PREFIXES: Final[Mapping[str, _Prefix]] = {
    "tag": _Prefix(
        Place.TAGS,
        re.compile(r"[A-Za-z0-9_.-]{1,64}"),
        "1 to 64 letters, digits or any of _ . -",
        cells.word,
        "a text of at most 256 characters, in at most 50 tags, the batch's own included",
    ),
    "extra": _Prefix(
        Place.EXTRA,
        re.compile(r".{1,200}"),
        "1 to 200 characters, the provider's name for the field",
        json_or_text,
        "text, or JSON that can be kept as it stands",
    ),
}
_FREELY_NAMED: Final = {prefix.place: prefix for prefix in _PREFIXES.values()}


def columns(header: Header) -> Iterator[Column]:
    """The columns that are understood, in the order of the sheet.

    Raises:
        ColumnNameError: a tag or an extra field whose name cannot be taken.
    """
    for position, name in enumerate(header.names):
        key = column_key(name)
        first, dot, _ = key.partition(".")
        if key in _PLACES:
            yield Column(position, name, _PLACES[key], key, _READ.get(key, cells.word))
        elif dot and first in _PREFIXES:
            yield _freely_named(position, name, _PREFIXES[first])


def expected(place: Place, key: str) -> str:
    """What a column of this place takes, in words that follow "expected"."""
    freely = _FREELY_NAMED.get(place)
    return EXPECTED[key] if freely is None else freely.expected


def _freely_named(position: int, name: str, prefix: _Prefix) -> Column:
    key = name.partition(".")[2].strip()
    if prefix.names.fullmatch(key) is None:
        where = f"{place_of(position)} is called {shortened(name)}"
        raise ColumnNameError(f"{where}: after the dot comes a name of {prefix.wanted}")
    return Column(position, name, prefix.place, key, prefix.read)
