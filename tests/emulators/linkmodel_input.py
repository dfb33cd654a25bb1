"""What LinkModel's validator says to the parameters that the emulated models take; None where all is well."""

from collections.abc import Mapping

VIDEO_MODELS = {
    "kling-v3",
    "sora-2",
    "MiniMax-Hailuo-2.3",
    "MiniMax-Hailuo-02",
    "wan2.6",
    "seedance-2-0",
    "happyhorse-1.0",
}
IMAGE_MODELS = {
    "gpt-image-2",
    "gemini-3-pro-image-preview",
    "seedream-4.0",
    "seedream-4.5",
    "seedream-5.0-lite",
}
_RATIOS = {"1x1", "4x3", "3x4", "16x9", "9x16", "3x2", "2x3", "21x9"}


def complaint(modality: str, given: Mapping[str, object]) -> str | None:
    """The validator's text for a request that it refuses."""
    model = given.get("model")
    if not isinstance(model, str) or not model:
        return "model is required"
    if model not in (VIDEO_MODELS if modality == "video" else IMAGE_MODELS):
        return f"model {model} is not supported"
    if not isinstance(given.get("prompt"), str) or not given["prompt"]:
        return "prompt is required"
    dotted = next((name for name in given if "." in name), None)
    if dotted is not None:
        return f"{dotted} must be nested in extends"
    empty = next((name for name, value in given.items() if value in ([], None)), None)
    if empty is not None:
        return f"{empty} must not be empty"
    return {"kling-v3": _kling, "seedream-4.0": _seedream, "gpt-image-2": _gpt}.get(model, _anything)(given)


def _anything(_: Mapping[str, object]) -> str | None:
    return None


def _kling(given: Mapping[str, object]) -> str | None:
    seconds = given.get("duration", 5)
    if type(seconds) is not int or not 3 <= seconds <= 15:
        return "duration must be between 3 and 15 seconds"
    if given.get("resolution", "720P") not in {"720P", "1080P"}:
        return "resolution must be 720P or 1080P"
    if given.get("size", "16x9") not in {"16x9", "9x16", "1x1"}:
        return "size must map to aspect_ratio 16:9, 9:16 or 1:1"
    extends = given.get("extends", {})
    if not isinstance(extends, dict):
        return "extends must be a valid object"
    return None if isinstance(extends.get("audio", False), bool) else "extends.audio must be a boolean"


def _seedream(given: Mapping[str, object]) -> str | None:
    if given.get("size", "1x1") not in _RATIOS:
        return f"invalid size, must be one of: {', '.join(sorted(_RATIOS))}"
    if given.get("quality", "1K") not in {"1K", "2K", "4K"}:
        return "quality must be 1K, 2K or 4K"
    count = given.get("max_images", 1)
    return None if type(count) is int and 1 <= count <= 15 else "max_images must be between 1 and 15"


def _gpt(given: Mapping[str, object]) -> str | None:
    return None if given.get("quality", "medium") in {"low", "medium", "high"} else "invalid quality"
