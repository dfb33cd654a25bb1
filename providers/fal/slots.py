"""How one input field is written into a fal body, and what each way of writing takes."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from domain.generation import Lora

Slot = Callable[[Any], dict[str, Any]]

IMAGE_SIZES: Final = (
    "square_hd",
    "square",
    "portrait_4_3",
    "portrait_16_9",
    "landscape_4_3",
    "landscape_16_9",
)
SIZE_OF_RATIO: Final[Mapping[str, str]] = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "16:9": "landscape_16_9",
    "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
}
_PIXELS: Final = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


class Refusal(ValueError):  # noqa: N818 - names the fact
    """The value is outside what the field takes; the message says what it takes."""


def as_is(name: str) -> Slot:
    """The value under another name."""
    return lambda value: {name: value}


def only(made: str) -> Slot:
    """A value that the endpoint has no parameter for, since it makes nothing else; upper and lower case."""

    def write(value: str) -> dict[str, Any]:
        if value.casefold() != made:
            raise Refusal(f"makes {made} and nothing else, not {value}")
        return {}

    return write


def text(name: str, longest: int) -> Slot:
    """Text of at most ``longest`` characters."""

    def write(value: str) -> dict[str, Any]:
        if len(value) > longest:
            raise Refusal(f"takes at most {longest} characters, not {len(value)}")
        return {name: value}

    return write


def between(name: str, least: int, most: int, form: Callable[[int], Any] = int) -> Slot:
    """A whole number from ``least`` to ``most``, written by ``form``."""

    def write(value: int) -> dict[str, Any]:
        if not least <= value <= most:
            raise Refusal(f"takes {least} to {most}, not {value}")
        return {name: form(value)}

    return write


def one_of(name: str, values: Mapping[Any, Any] | Sequence[Any]) -> Slot:
    """One of ``values``, written as it is, or as the mapping says."""
    written = values if isinstance(values, Mapping) else {value: value for value in values}

    def write(value: object) -> dict[str, Any]:
        if value not in written:
            raise Refusal(f"takes {', '.join(map(str, written))}, not {value}")
        return {name: written[value]}

    return write


def one_url(name: str) -> Slot:
    """A single address; a list is taken when it holds one."""

    def write(value: str | list[str]) -> dict[str, Any]:
        urls = [value] if isinstance(value, str) else value
        if len(urls) != 1:
            raise Refusal(f"takes one image, not {len(urls)}")
        return {name: urls[0]}

    return write


def any_urls(value: str | list[str]) -> dict[str, Any]:
    """One address as ``image_url``, several as ``image_urls``."""
    return {"image_url": value} if isinstance(value, str) else {"image_urls": value}


def image_size(value: str) -> dict[str, Any]:
    """The name that fal has for a size, or ``WIDTHxHEIGHT`` in pixels."""
    written = any_size(value)
    size = written["image_size"]
    if isinstance(size, str) and size not in IMAGE_SIZES:
        raise Refusal(f"takes WIDTHxHEIGHT in pixels or one of {', '.join(IMAGE_SIZES)}, not {value}")
    return written


def any_size(value: str) -> dict[str, Any]:
    """``WIDTHxHEIGHT`` as an object, anything else as the name that the endpoint may have for it."""
    pixels = _PIXELS.fullmatch(value)
    if pixels is None:
        return {"image_size": value}
    return {"image_size": {"width": int(pixels[1]), "height": int(pixels[2])}}


def loras(value: list[Lora]) -> dict[str, Any]:
    """Weights with their scale; JSON has no decimals, and a scale is not money."""
    return {"loras": [{"path": lora.path, "scale": _number(lora)} for lora in value]}


def _number(lora: Lora) -> int | float:
    return int(lora.scale) if float(lora.scale).is_integer() else lora.scale
