"""Measuring a video by walking its packets, without decoding them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from outbound.unusable import NotMedia

# What is there may fall short of what is declared by this much: rounding, edit lists, a last frame's length.
_SLACK_SECONDS: Final = 0.2
_SLACK: Final = 0.05
# These declare no length; what FFmpeg gives as one is a guess from the bit rate.
_WITHOUT_LENGTH: Final = frozenset({"video/mpeg"})
_MICROSECONDS: Final = 1_000_000


@dataclass(slots=True)
class _Walk:
    """What the packets of a file add up to; times in seconds."""

    frames: int = 0
    damaged: int = 0
    begin: float | None = None
    end: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - (self.begin or 0.0)


def measure_video(path: Path, content_type: str) -> tuple[int, int, float]:
    """Width and height in pixels and duration in seconds; raises NotMedia for a file that is not whole.

    Every packet is read and compared with the declared frames and duration; one packet is held at a time.
    """
    try:
        # Tags in another encoding than UTF-8 are no reason to refuse a video.
        with av.open(str(path), metadata_errors="replace") as container:
            return _measure(container, content_type)
    except av.FFmpegError as error:
        raise NotMedia(f"a truncated or damaged file of type {content_type} ({error.strerror})") from error


def _measure(container: InputContainer, content_type: str) -> tuple[int, int, float]:
    stream = next(iter(container.streams.video), None)
    if stream is None:
        raise NotMedia(f"a file of type {content_type} without a picture track")
    size = _size(stream)
    if not all(size):
        raise NotMedia(f"a file of type {content_type} whose picture has no known codec or size")
    declared = 0.0 if content_type in _WITHOUT_LENGTH else (container.duration or 0) / _MICROSECONDS
    walk = _walk(container, stream)
    if walk.damaged or walk.frames == 0 or walk.frames < stream.frames * (1 - _SLACK):
        count = f"{walk.frames} frames of {stream.frames or 'an unknown number'}, {walk.damaged} broken"
        raise NotMedia(f"a damaged file of type {content_type}: {count}")
    # The end is counted from zero, not from the first stamp: a late start is not taken for a missing end.
    if walk.begin is not None and walk.end < declared * (1 - _SLACK) - _SLACK_SECONDS:
        there = f"{walk.end:.1f} of {declared:.1f} seconds"
        raise NotMedia(f"a truncated file of type {content_type}: {there} are there")
    return *size, declared or walk.seconds


def _size(stream: VideoStream) -> tuple[int, int]:
    codec = stream.codec_context  # None, whatever its type says, for a codec that is not known
    return getattr(codec, "width", 0), getattr(codec, "height", 0)


def _walk(container: InputContainer, video: VideoStream) -> _Walk:
    walk = _Walk()
    for packet in container.demux():
        if packet.size == 0:  # the demuxer's own end mark
            continue
        walk.damaged += packet.is_corrupt
        walk.frames += packet.stream.index == video.index
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None and packet.time_base is not None:
            begin = float(stamp * packet.time_base)
            walk.begin = begin if walk.begin is None else min(walk.begin, begin)
            walk.end = max(walk.end, begin + float((packet.duration or 0) * packet.time_base))
    return walk
