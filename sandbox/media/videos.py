"""Encoding one video: the still picture of the prompt under a bar that moves once across it."""

import io
from fractions import Fraction
from typing import Final

import av
from PIL import Image, ImageDraw

from sandbox.media.pictures import draw
from sandbox.media.spec import MediaSpec

# A few frames a second are enough to play, and keep a clip well under a second of one core.
_MOST_FRAMES: Final = 40
_MOST_PER_SECOND: Final = 8
_OPTIONS: Final = {"preset": "ultrafast", "crf": "30", "threads": "1"}


def render_video(spec: MediaSpec) -> bytes:
    """An H.264 clip in an MP4 file, yuv420p, that lasts exactly ``spec.seconds``."""
    seconds = Fraction(spec.seconds).limit_denominator(100)
    frames = max(min(_MOST_FRAMES, int(seconds * _MOST_PER_SECOND)), 1)
    still = draw(spec)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(frames) / seconds, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_image(_with_bar(still, number / frames))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def _with_bar(still: Image.Image, progress: float) -> Image.Image:
    frame = still.copy()
    thickness = max(frame.height // 60, 2)
    pen = ImageDraw.Draw(frame)
    pen.rectangle((0, frame.height - thickness, frame.width * progress, frame.height), fill="white")
    return frame
