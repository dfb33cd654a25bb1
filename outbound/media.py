"""Proof that a file is the image or the video it should be: its real type, whole, with its dimensions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domain.lifecycle import Kind
from outbound.boxes import missing_bytes
from outbound.pictures import measure_picture
from outbound.signatures import HEAD_BYTES, content_type_of, describe, extension
from outbound.unusable import NotMedia
from outbound.videos import measure_video

__all__ = ["Media", "NotMedia", "extension", "probe"]

_AUXILIARY = frozenset({"image/x-exr", "application/zip"})


@dataclass(frozen=True, slots=True)
class Media:
    """What a file is; pixels for the size, seconds for the duration of a video.

    ``other`` is an auxiliary file (a depth map, an archive) that is stored but not looked into.
    """

    content_type: str
    kind: Literal["image", "video", "other"]
    width: int | None = None
    height: int | None = None
    duration: float | None = None


def probe(path: Path, expected: Kind | None) -> Media:
    """Look into ``path`` and prove that it is whole; raises NotMedia saying what it is instead.

    With ``expected`` None any image, video or auxiliary file passes. Memory stays small for a video of any
    length; an image is decoded in full.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    content_type = content_type_of(head)
    if content_type is None:
        raise NotMedia(describe(head))
    kind = _kind(content_type)
    if expected is not None and kind != expected.value:
        raise NotMedia(f"a file of type {content_type} where {_an(expected)} belongs")
    if kind == "other":
        return Media(content_type, kind)
    missing = missing_bytes(path, content_type)
    if missing:
        raise NotMedia(f"a truncated file of type {content_type}: {missing} bytes are missing")
    if kind == "image":
        return Media(content_type, kind, *measure_picture(path, content_type))
    return Media(content_type, kind, *measure_video(path, content_type))


def _kind(content_type: str) -> Literal["image", "video", "other"]:
    if content_type in _AUXILIARY:
        return "other"
    return "image" if content_type.startswith("image/") else "video"


def _an(kind: Kind) -> str:
    return "an image" if kind is Kind.IMAGE else "a video"
