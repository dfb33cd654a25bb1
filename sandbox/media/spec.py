"""What one generated file is to be: kind, format, size, length, the words drawn in, and its faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

CONTENT_TYPES: Final = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp4": "video/mp4",
}
_LONGEST_SIDE: Final = 4096


@dataclass(frozen=True, slots=True)
class MediaSpec:
    """One file; ``format`` is a key of CONTENT_TYPES, sizes are pixels, ``seconds`` matter to videos only."""

    format: str
    width: int
    height: int
    prompt: str
    seconds: float = 0.0
    black: bool = False
    faults: Mapping[str, str | None] = field(default_factory=dict, hash=False, compare=False)

    @property
    def content_type(self) -> str:
        """The media type of the bytes."""
        return CONTENT_TYPES[self.format]

    @property
    def is_video(self) -> bool:
        """Whether the bytes are a video."""
        return self.format == "mp4"

    def disguised(self) -> "MediaSpec":
        """A video in place of a picture, or the other way round."""
        return replace(self, format="png" if self.is_video else "mp4", seconds=self.seconds or 1.0)


def bounded(width: int, height: int, longest: int = _LONGEST_SIDE) -> tuple[int, int]:
    """The size scaled down, where it must be, to what the sandbox draws; both sides even, for video."""
    scale = min(1.0, longest / max(width, height))
    return _even(width * scale), _even(height * scale)


def fit(ratio: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The size of this aspect ratio whose shorter side has this many pixels; both sides even."""
    across, down = ratio
    if across >= down:
        return _even(short_side * across / down), _even(short_side)
    return _even(short_side), _even(short_side * down / across)


def _even(side: float) -> int:
    return max(round(side / 2) * 2, 16)
