"""The gateway's validator: the first broken limit of a task, in the server's words (sections 6, 8)."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox.linkmodel.catalogue import OFFERINGS, Kind, Offering

JsonObject = dict[str, Any]
_LINKS: Final = ("first_frame_image", "last_frame_image", "audio_url")
_LINK_LISTS: Final = ("images", "videos", "image_list", "video_list", "audio_list")
_LONG_SECONDS: Final = 10
_NEGATIVE_MAX: Final = 2500
_PIXELS: Final = re.compile(r"(\d{1,5})x(\d{1,5})")
_Rule = Callable[[Offering, JsonObject], str | None]


def find(arguments: JsonObject, kind: Kind) -> tuple[Offering | None, str]:
    """The model that is meant, and otherwise what is wrong with the arguments; exactly one of the two."""
    model = arguments.get("model")
    if not isinstance(model, str) or not model:
        return None, "model is required"
    offering = OFFERINGS.get(model)
    if offering is None or offering.kind != kind:
        return None, f"model {model} is not available for {kind} generation"
    broken = next(_broken(offering, arguments), "")
    return (None, broken) if broken else (offering, "")


def _broken(offering: Offering, arguments: JsonObject) -> Iterator[str]:
    for rule in _RULES:
        text = rule(offering, arguments)
        if text:
            yield text


def _prompt(offering: Offering, arguments: JsonObject) -> str | None:
    prompt = arguments.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        return "prompt must be a string"
    if not prompt and offering.prompt_required:
        return offering.texts.get("prompt_missing", "prompt is required")
    if prompt and offering.prompt_max and len(prompt) > offering.prompt_max:
        usual = f"prompt must be between 1 and {offering.prompt_max} characters"
        return offering.texts.get("prompt", usual)
    return None


def _duration(offering: Offering, arguments: JsonObject) -> str | None:
    if offering.kind == "image" or "duration" not in arguments:
        return None
    given = arguments["duration"]
    whole = isinstance(given, int) and not isinstance(given, bool)
    if offering.durations:
        fits = whole and given in offering.durations
        return None if fits else f"duration must be {_either(offering.durations)} seconds"
    low, high = offering.duration_min or 1, offering.duration_max or 60
    if whole and (low <= given <= high or (offering.duration_automatic and given == -1)):
        return None
    return f"duration must be between {low} and {high} seconds"


def _size(offering: Offering, arguments: JsonObject) -> str | None:
    size = arguments.get("size")
    if size is None or not offering.sizes or size in offering.sizes:
        return None
    if offering.free_size and isinstance(size, str) and _is_free_size(size):
        return None
    return offering.texts.get("size", f"invalid size, must be one of: {', '.join(offering.sizes)}")


def _is_free_size(size: str) -> bool:
    """Edges in sixteens, at most 3840, at most 3:1, and 655,360 to 8,294,400 pixels (gpt-image-2)."""
    match = _PIXELS.fullmatch(size)
    if match is None:
        return False
    short, long = sorted((int(match[1]), int(match[2])))
    in_sixteens = short % 16 == 0 and long % 16 == 0
    return in_sixteens and long <= 3840 and long <= 3 * short and 655_360 <= short * long <= 8_294_400  # noqa: PLR2004 - as the docstring says


def _steps(offering: Offering, arguments: JsonObject) -> str | None:
    for name, choices in (("resolution", offering.resolutions), ("quality", offering.qualities)):
        given = arguments.get(name)
        if given is not None and choices and given not in choices:
            return f"{name} must be {_either(sorted(choices))}"
    return None


def _images(offering: Offering, arguments: JsonObject) -> str | None:
    images = arguments.get("images")
    if isinstance(images, list) and offering.images_max and len(images) > offering.images_max:
        return f"too many reference images, maximum is {offering.images_max} for {offering.id}"
    count = arguments.get("max_images")
    if count is None or offering.count_max is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= offering.count_max:
        return f"max_images must be between 1 and {offering.count_max}"
    return None


def _links(_: Offering, arguments: JsonObject) -> str | None:
    for name in _LINKS:
        if arguments.get(name) is not None and not _is_link(arguments[name]):
            return f"{name} must be a valid URL"
    for name in _LINK_LISTS:
        listed = arguments.get(name)
        if listed is not None and not (isinstance(listed, list) and listed and all(map(_is_link, listed))):
            return f"{name} must be a non-empty list of valid URLs"
    return None


def _frames(offering: Offering, arguments: JsonObject) -> str | None:
    if offering.kind == "image":
        return None
    resolution = offering.chosen(arguments, "resolution", offering.resolutions)
    if resolution in offering.framed_resolutions and not arguments.get("first_frame_image"):
        return "first_frame_image is required for image-to-video"
    if resolution in offering.framed_resolutions and arguments.get("last_frame_image"):
        return "last_frame_image needs resolution 768P or 1080P"
    long = offering.long_resolutions
    if long and arguments.get("duration") == _LONG_SECONDS and resolution not in long:
        return f"duration {_LONG_SECONDS} needs resolution {_either(sorted(long))}"
    return None


def _extends(offering: Offering, arguments: JsonObject) -> str | None:
    extends = arguments.get("extends")
    if extends is None or not offering.extends:
        return None
    if not isinstance(extends, dict):
        return "extends must be a valid object"
    if not isinstance(extends.get("audio", False), bool):
        return "extends.audio must be a boolean"
    scale = extends.get("cfg_scale", 0)
    if isinstance(scale, bool) or not isinstance(scale, int | Decimal) or not 0 <= scale <= 1:
        return "extends.cfg_scale must be between 0 and 1"
    negative = extends.get("negative_prompt", "")
    if not isinstance(negative, str) or len(negative) > _NEGATIVE_MAX:
        return f"negative_prompt must be at most {_NEGATIVE_MAX} characters"
    return None


def _either(choices: Sequence[object]) -> str:
    *most, last = (str(choice) for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def _is_link(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


_RULES: Final[tuple[_Rule, ...]] = (_prompt, _duration, _size, _steps, _images, _links, _frames, _extends)
