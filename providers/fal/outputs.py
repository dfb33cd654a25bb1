"""The files in a result, in whatever shape an endpoint gives them (fal queue contract, section 11)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.lifecycle import Kind
from providers.base import Output

_MAIN: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.IMAGE: ("images", "image"),
    Kind.VIDEO: ("video", "videos"),
}
_EXTRA: Final = ("exr_file",)
_SUFFIXES: Final = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".gif",
    ".avif",
    ".mp4",
    ".webm",
    ".mov",
    ".mkv",
    ".m4v",
)
_SCHEMES: Final = ("http://", "https://", "data:")
_MEDIA_TYPES: Final = ("image/", "video/")
# Where an application repeats what it was given.
_ECHOES: Final = frozenset({"input", "inputs"})
_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a result. ``blocked`` when the safety filter blanked all that the job was for."""

    outputs: tuple[Output, ...]
    filtered: int = 0
    blocked: bool = False


def read_outputs(result: object, kind: Kind) -> Found:
    """The files of a result: what the job was for first, then what came with it.

    Known keys are read first; an answer without them is searched for anything that is plainly media, since
    workflows and custom applications name their outputs as they like.
    """
    body = result if isinstance(result, dict) else {}
    slots = [item for key in _MAIN[kind] for item in _listed(body.get(key))]
    flags = _flags(body.get("has_nsfw_concepts"), len(slots))
    clean = [item for item, flagged in zip(slots, flags, strict=True) if not flagged]
    main = [output for output in map(_output, clean) if output is not None]
    filtered = sum(flags)
    if filtered and not clean:
        return Found((), filtered, blocked=True)
    if not slots:
        found = _unique(_search(result, _MAX_DEPTH))
        return Found(found, blocked=not found and _all_flagged(body.get("has_nsfw_concepts")))
    others = (item for key in _beside(kind) for item in _listed(body.get(key)))
    return Found(_unique([*main, *_extras(others)]), filtered)


def _listed(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _flags(value: object, count: int) -> list[bool]:
    """One flag for each file. Lists that are shorter, longer, or not lists at all have been seen."""
    if isinstance(value, bool):
        return [value] * count
    given = value if isinstance(value, list) else []
    return [index < len(given) and given[index] is True for index in range(count)]


def _all_flagged(value: object) -> bool:
    """Whether the filter flagged all there was, where the flagged files were left out of the answer."""
    return value is True or (isinstance(value, list) and bool(value) and all(flag is True for flag in value))


def _output(item: object) -> Output | None:
    url = item.get("url") if isinstance(item, dict) else item
    if not isinstance(url, str) or not url.startswith(_SCHEMES) or not url.isprintable():
        return None
    return Output(url, _content_type(item, url))


def _content_type(item: object, url: str) -> str | None:
    told = item.get("content_type") if isinstance(item, dict) else None
    if isinstance(told, str) and told and told.isprintable():
        return told
    return (
        url[len("data:") :].partition(",")[0].partition(";")[0] or None if url.startswith("data:") else None
    )


def _beside(kind: Kind) -> Iterator[str]:
    yield from _EXTRA
    yield from (key for other in Kind if other is not kind for key in _MAIN[other])


def _extras(items: Iterator[object]) -> Iterator[Output]:
    for item in items:
        output = _output(item)
        if output is not None:
            yield Output(output.url, output.content_type, extra=True)


def _search(value: object, depth: int) -> Iterator[Output]:
    output = _output(value)
    if output is not None:
        yield from [output] if _is_media(output) else []
    elif depth and isinstance(value, dict | list):
        for inner in _inside(value):
            yield from _search(inner, depth - 1)


def _inside(value: dict[str, object] | list[object]) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return [inner for key, inner in value.items() if key not in _ECHOES]


def _is_media(output: Output) -> bool:
    if output.content_type is not None:
        return output.content_type.startswith(_MEDIA_TYPES)
    try:
        return urlsplit(output.url).path.lower().endswith(_SUFFIXES)
    except ValueError:
        return False


def _unique(outputs: Iterator[Output] | Sequence[Output]) -> tuple[Output, ...]:
    first: dict[str, Output] = {}
    for output in outputs:
        first.setdefault(output.url, output)
    return tuple(first.values())
