"""What the emulated models take: a wrong input is a 422 at the result, as the real ones answer it."""

from collections.abc import Callable, Mapping

_NAMED = {"square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"}
_KLING_SECONDS = {str(number) for number in range(3, 16)}

Check = Callable[[object], bool]


def _one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _whole(least: int, most: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def _size(value: object) -> bool:
    if isinstance(value, str):
        return value in _NAMED
    return (
        isinstance(value, dict)
        and set(value) == {"width", "height"}
        and all(map(_whole(1, 14142), value.values()))
    )


_FLUX: Mapping[str, Check] = {
    "image_size": _size,
    "num_images": _whole(1, 4),
    "num_inference_steps": _whole(1, 50),
    "seed": _whole(0, 2**63 - 1),
    "enable_safety_checker": _is(bool),
    "output_format": _one_of("jpeg", "png"),
    "sync_mode": _is(bool),
}
_KLING: Mapping[str, Check] = {
    "duration": _one_of(*_KLING_SECONDS),
    "aspect_ratio": _one_of("16:9", "9:16", "1:1"),
    "generate_audio": _is(bool),
    "negative_prompt": _is(str),
}
_KNOWN = (("fal-ai/flux/", _FLUX), ("fal-ai/flux-lora", _FLUX), ("fal-ai/kling-video/v3/", _KLING))


def wrong_field(endpoint: str, given: Mapping[str, object]) -> str | None:
    """The first field that the model behind ``endpoint`` would refuse."""
    if not isinstance(given.get("prompt"), str) or not given["prompt"]:
        return "prompt"
    checks = next((known for stem, known in _KNOWN if endpoint.startswith(stem)), {})
    return next((name for name, check in checks.items() if name in given and not check(given[name])), None)
