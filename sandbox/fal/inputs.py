"""Reading model input: sizes, counts and lengths, and what a runner says to input that it cannot take."""

from typing import Any, Final

from sandbox.fal.endpoints import Endpoint
from sandbox.media.spec import bounded, fit

_SIZES: Final = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_SHORT_SIDES: Final = {"540p": 540, "720p": 720, "1080p": 1080, "4k": 1080}
_RATIOS: Final = {
    "16:9": (16, 9),
    "9:16": (9, 16),
    "1:1": (1, 1),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "21:9": (21, 9),
    "9:21": (9, 21),
}
_MOST_DIGITS: Final = 5
_MOST_IMAGES: Final = 16
_MOST_SECONDS: Final = 60
_DOCS: Final = "https://docs.fal.ai/errors/#"
JsonObject = dict[str, Any]


def image_size(arguments: JsonObject) -> tuple[int, int]:
    """Width and height in pixels: a name, ``{width, height}``, or landscape_4_3 where nothing is said."""
    size = arguments.get("image_size", "landscape_4_3")
    if isinstance(size, dict):
        return bounded(_whole(size.get("width"), 1024), _whole(size.get("height"), 1024))
    return _SIZES.get(str(size), _SIZES["landscape_4_3"])


def video_size(arguments: JsonObject) -> tuple[int, int]:
    """Width and height in pixels of aspect_ratio and resolution; 16:9 and 720p where nothing is said."""
    ratio = _RATIOS.get(str(arguments.get("aspect_ratio")), (16, 9))
    short_side = _SHORT_SIDES.get(str(arguments.get("resolution")).lower(), 720)
    return bounded(*fit(ratio, short_side), longest=1920)


def image_count(arguments: JsonObject) -> int:
    """How many images are wanted."""
    return min(_whole(arguments.get("num_images"), 1), _MOST_IMAGES)


def seconds(arguments: JsonObject) -> int:
    """The length of the video: ``5``, ``"5"`` and ``"5s"`` are the same; 5 where nothing is said."""
    return min(_whole(str(arguments.get("duration", "5")).removesuffix("s"), 5), _MOST_SECONDS)


def problem(endpoint: Endpoint, arguments: JsonObject) -> JsonObject | None:
    """The first entry of the 422 that the input gets when it runs (fal queue contract, model errors)."""
    prompt = arguments.get("prompt")
    if prompt is None and not (endpoint.durations and arguments.get("multi_prompt")):
        return model_error("prompt", "Field required", "missing", arguments)
    if endpoint.prompt_max and len(str(prompt or "")) > endpoint.prompt_max:
        text = f"String should have at most {endpoint.prompt_max} characters"
        limit = {"max_length": endpoint.prompt_max}
        return model_error("prompt", text, "sequence_too_long", prompt, ctx=limit)
    duration = arguments.get("duration")
    if endpoint.durations and duration is not None and duration not in endpoint.durations:
        text = f"Input should be one of: {', '.join(endpoint.durations)}"
        return model_error("duration", text, "one_of", duration, ctx={"expected": list(endpoint.durations)})
    if endpoint.images_max and image_count(arguments) > endpoint.images_max:
        text = f"Input should be less than or equal to {endpoint.images_max}"
        given = arguments["num_images"]
        return model_error("num_images", text, "less_than_equal", given, ctx={"le": endpoint.images_max})
    return None


def model_error(
    field: str, text: str, kind: str, given: object, *, ctx: JsonObject | None = None
) -> JsonObject:
    """One entry of a model error's list."""
    entry: JsonObject = {"loc": ["body", field], "msg": text, "type": kind, "url": _DOCS + kind}
    return {**entry, "input": given, **({"ctx": ctx} if ctx else {})}


def _whole(value: object, default: int) -> int:
    text = str(value)
    return max(int(text), 1) if text.isdecimal() and len(text) <= _MOST_DIGITS else default
