"""What the known endpoint families at fal take, as data (fal queue contract, section 11)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from providers.fal.slots import (
    SIZE_OF_RATIO,
    Slot,
    any_size,
    any_urls,
    as_is,
    between,
    image_size,
    loras,
    one_of,
    one_url,
    only,
    text,
)


@dataclass(frozen=True, slots=True)
class Family:
    """Endpoints that take the same fields. ``slots`` is keyed by our field names.

    ``sent`` goes out unless the customer says otherwise; ``needs`` names what the endpoint cannot do without,
    as our field and fal's name for it.
    """

    endpoints: re.Pattern[str]
    slots: Mapping[str, Slot]
    sent: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, str] | None = None


_PROMPT: Final[Mapping[str, Slot]] = {"prompt": as_is("prompt")}
_NEGATIVE: Final[Mapping[str, Slot]] = {"negative_prompt": as_is("negative_prompt")}
_LORAS: Final[Mapping[str, Slot]] = {"loras": loras}
_IMAGE: Final[Mapping[str, Slot]] = {"image_url": one_url("image_url")}
_FLUX: Final[Mapping[str, Slot]] = {
    **_PROMPT,
    "size": image_size,
    "aspect_ratio": one_of("image_size", SIZE_OF_RATIO),
    "count": between("num_images", 1, 4),
    "seed": as_is("seed"),
}
_SDXL: Final[Mapping[str, Slot]] = {**_FLUX, **_NEGATIVE, **_LORAS, "count": between("num_images", 1, 8)}
_ULTRA: Final[Mapping[str, Slot]] = {
    **_PROMPT,
    "aspect_ratio": as_is("aspect_ratio"),
    "count": between("num_images", 1, 4),
    "seed": as_is("seed"),
}
_KLING: Final[Mapping[str, Slot]] = {
    "prompt": text("prompt", 2500),
    **_NEGATIVE,
    "duration": between("duration", 3, 15, str),
    "aspect_ratio": one_of("aspect_ratio", ("16:9", "9:16", "1:1")),
    "audio": as_is("generate_audio"),
}
# On by default at fal, and half as dear again: so it is always said.
_KLING_SENT: Final[Mapping[str, Any]] = {"generate_audio": False}
_TURBO: Final[Mapping[str, Slot]] = {
    name: slot for name, slot in _KLING.items() if name in {"prompt", "duration", "aspect_ratio"}
}
_LUMA: Final[Mapping[str, Slot]] = {
    **_PROMPT,
    "duration": one_of("duration", {5: "5s", 9: "9s"}),
    "resolution": one_of("resolution", ("540p", "720p", "1080p")),
    "aspect_ratio": one_of("aspect_ratio", ("16:9", "9:16", "4:3", "3:4", "21:9", "9:21")),
}


def _family(
    pattern: str,
    slots: Mapping[str, Slot],
    *,
    sent: Mapping[str, Any] | None = None,
    needs: tuple[str, str] | None = None,
) -> Family:
    return Family(re.compile(pattern), slots, sent or {}, needs)


def _kling(grade: str, resolution: str) -> tuple[Family, Family]:
    """Kling v3 of one grade, from text and from an image: each grade is an endpoint with its resolution."""
    slots = {**_KLING, "resolution": only(resolution)}
    image = {"image_url": one_url("start_image_url"), "last_image_url": as_is("end_image_url")}
    return (
        _family(rf"fal-ai/kling-video/v3/{grade}/text-to-video", slots, sent=_KLING_SENT),
        _family(
            rf"fal-ai/kling-video/v3/{grade}/image-to-video",
            {**slots, **image},
            sent=_KLING_SENT,
            needs=("image_url", "start_image_url"),
        ),
    )


_FROM_IMAGE: Final = ("image_url", "image_url")
_RAY_2: Final = r"fal-ai/luma-dream-machine/ray-2(-flash)?"

FAMILIES: Final = (
    _family(r"fal-ai/flux/(dev|schnell)|fal-ai/flux-pro/v1\.1", _FLUX),
    _family(r"fal-ai/flux/dev/image-to-image", {**_FLUX, **_IMAGE}, needs=_FROM_IMAGE),
    _family(r"fal-ai/flux-lora|fal-ai/flux-2/lora", {**_FLUX, **_LORAS}),
    _family(r"fal-ai/flux-lora/image-to-image", {**_FLUX, **_LORAS, **_IMAGE}, needs=_FROM_IMAGE),
    _family(r"fal-ai/flux-pro/v1\.1-ultra", _ULTRA),
    _family(r"fal-ai/fast-sdxl", _SDXL),
    _family(r"fal-ai/fast-sdxl/image-to-image", {**_SDXL, **_IMAGE}, needs=_FROM_IMAGE),
    _family(r"fal-ai/lora", _SDXL, needs=("extra", "model_name")),
    _family(r"fal-ai/stable-diffusion-v35-large", {**_FLUX, **_NEGATIVE, **_LORAS}),
    *_kling("standard", "720p"),
    *_kling("pro", "1080p"),
    *_kling("4k", "4k"),
    _family(r"fal-ai/kling-video/v3/turbo/(standard|pro)/text-to-video", _TURBO),
    _family(_RAY_2, _LUMA),
    _family(
        f"{_RAY_2}/image-to-video",
        {**_LUMA, **_IMAGE, "last_image_url": as_is("end_image_url")},
        needs=_FROM_IMAGE,
    ),
)

# Any other endpoint: what was given, under the names that most of fal's endpoints use, and nothing else.
ANY: Final = _family(
    r".*",
    {
        **_PROMPT,
        **_NEGATIVE,
        **_LORAS,
        "image_url": any_urls,
        "last_image_url": as_is("end_image_url"),
        "aspect_ratio": as_is("aspect_ratio"),
        "resolution": as_is("resolution"),
        "duration": as_is("duration"),
        "size": any_size,
        "count": as_is("num_images"),
        "seed": as_is("seed"),
        "quality": as_is("quality"),
        "audio": as_is("generate_audio"),
    },
)


def family_of(endpoint: str) -> Family:
    """The family of ``endpoint``; ANY where none is known."""
    return next((family for family in FAMILIES if family.endpoints.fullmatch(endpoint)), ANY)
