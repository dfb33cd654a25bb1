"""Tiny but real media files: what a provider's content network would serve."""

import io
from functools import cache

import av
from PIL import Image


@cache
def picture(kind: str = "PNG", *, black: bool = False, size: tuple[int, int] = (48, 32)) -> bytes:
    """An image of ``kind`` (PNG, JPEG or WEBP)."""
    image = Image.new("RGB", size, "black")
    if not black:
        image.putdata([(x * 5 % 256, y * 7 % 256, 99) for y in range(size[1]) for x in range(size[0])])
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@cache
def clip() -> bytes:
    """Half a second of H.264 in MP4, 64 x 48."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(4):
            still = Image.new("RGB", (64, 48), (number * 60, 90, 30))
            frame = av.VideoFrame.from_image(still)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def exr() -> bytes:
    """The smallest OpenEXR file: one half-float pixel, no compression."""
    header = b"".join(
        _attribute(name, kind, value)
        for name, kind, value in (
            (b"channels", b"chlist", b"Y\0" + bytes([1, 0, 0, 0] + [0] * 4 + [1, 0, 0, 0] * 2) + b"\0"),
            (b"compression", b"compression", b"\0"),
            (b"dataWindow", b"box2i", bytes(16)),
            (b"displayWindow", b"box2i", bytes(16)),
            (b"lineOrder", b"lineOrder", b"\0"),
            (b"pixelAspectRatio", b"float", b"\x00\x00\x80\x3f"),
            (b"screenWindowCenter", b"v2f", bytes(8)),
            (b"screenWindowWidth", b"float", b"\x00\x00\x80\x3f"),
        )
    )
    head = b"\x76\x2f\x31\x01\x02\0\0\0" + header + b"\0"
    return head + (len(head) + 8).to_bytes(8, "little") + bytes(4) + (2).to_bytes(4, "little") + b"\0\x3c"


def _attribute(name: bytes, kind: bytes, value: bytes) -> bytes:
    return name + b"\0" + kind + b"\0" + len(value).to_bytes(4, "little") + value
