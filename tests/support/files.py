"""Small real pictures and films as bytes, for servers that hand them out."""

import io
from functools import cache

import av
import av.video
from PIL import Image

WIDTH, HEIGHT = 32, 24


@cache
def a_picture(name: str = "png") -> bytes:
    """A picture of that format."""
    file = io.BytesIO()
    Image.effect_noise((WIDTH, HEIGHT), 90).convert("RGB").save(file, format=name)
    return file.getvalue()


@cache
def a_film() -> bytes:
    """A second of grey."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10)
        assert isinstance(stream, av.video.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame(WIDTH, HEIGHT, "rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
