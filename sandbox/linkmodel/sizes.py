"""The pixel size that a task's size, quality and resolution stand for."""

import re
from typing import Any, Final

from sandbox.linkmodel.catalogue import Offering
from sandbox.media.spec import bounded, fit

_PAIR: Final = re.compile(r"(\d+)[x:](\d+)")
_IMAGE_SIDES: Final = {"0.5K": 512, "1K": 1024, "2K": 2048, "3K": 3072, "4K": 4096}
_VIDEO_SIDES: Final = {"480P": 480, "512P": 512, "720P": 720, "768P": 768, "1080P": 1080, "4K": 1080}
_LARGEST_RATIO: Final = 21
_LONGEST_VIDEO: Final = 1920


def pixels(offering: Offering, arguments: dict[str, Any]) -> tuple[int, int]:
    """Width and height of what the task makes; a video's sides are scaled down to 1920 at most."""
    across, down = _pair(offering.chosen(arguments, "size", offering.sizes))
    if offering.kind == "video":
        step = offering.chosen(arguments, "resolution", offering.resolutions)
        return bounded(*_scaled(across, down, _VIDEO_SIDES.get(step or "", 720)), longest=_LONGEST_VIDEO)
    quality = offering.chosen(arguments, "quality", offering.qualities)
    return bounded(*_scaled(across, down, _IMAGE_SIDES.get(quality or "", 1024)))


def _scaled(across: int, down: int, short_side: int) -> tuple[int, int]:
    """Pixels stay pixels; a ratio is given its size."""
    is_ratio = max(across, down) <= _LARGEST_RATIO
    return fit((across, down), short_side) if is_ratio else (across, down)


def _pair(size: str | None) -> tuple[int, int]:
    match = _PAIR.fullmatch(size or "")
    if match is None:
        return (16, 9) if size is None else (1, 1)
    return int(match[1]), int(match[2])
