"""Small real images and videos, and files that are neither."""

from pathlib import Path
from typing import Final

import av
import av.video
from PIL import Image

WIDTH: Final = 64
HEIGHT: Final = 48
FRAMES: Final = 25

IMAGES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
}
# By extension: container, codec, content type.
VIDEOS: Final = {
    "mp4": ("mp4", "libx264", "video/mp4"),
    "mov": ("mov", "libx264", "video/quicktime"),
    "webm": ("webm", "libvpx-vp9", "video/webm"),
    "mkv": ("matroska", "libx264", "video/x-matroska"),
    "avi": ("avi", "mpeg4", "video/x-msvideo"),
    "mpg": ("mpeg", "mpeg2video", "video/mpeg"),
}

# A file name extension to the path of a file of that type.
Samples = dict[str, Path]


def make_samples(directory: Path) -> Samples:
    """One file of each type."""
    samples = {name: directory / f"sample.{name}" for name in (*IMAGES, *VIDEOS)}
    noise = Image.effect_noise((WIDTH, HEIGHT), 90).convert("RGB")
    for name in IMAGES:
        noise.save(samples[name])
    for name, (container, codec, _) in VIDEOS.items():
        write_video(samples[name], container, codec)
    return samples


def write_video(path: Path, container: str, codec: str, *, options: dict[str, str] | None = None) -> None:
    """A second of a turning gradient, the same in every run."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=FRAMES)
        assert isinstance(stream, av.video.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            turned = Image.linear_gradient("L").rotate(7 * number).resize((WIDTH, HEIGHT))
            frame = av.VideoFrame.from_image(turned.convert("RGB"))  # type: ignore[no-untyped-call]
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def write_audio(path: Path) -> None:
    """A second of silence in an mp4 without pictures."""
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44_100)
        for number in range(40):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = 44_100
            frame.pts = number * 1024
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
