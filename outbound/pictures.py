"""Measuring an image by decoding all of it."""

import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Final

from PIL import Image

from outbound.unusable import NotMedia

_FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
# A picture is unpacked in memory: one at a time, however many files a process fetches side by side.
_unpacking: Final = threading.Lock()
# What Pillow raises for damaged input, by format and by place of the damage.
_DAMAGED: Final = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def measure_picture(path: Path, content_type: str) -> tuple[int, int]:
    """Width and height in pixels; raises NotMedia when any frame cannot be decoded to its end.

    Pillow's own hard limit (twice ``Image.MAX_IMAGE_PIXELS``, 179 million pixels) stops a small file that
    unpacks into a huge picture.
    """
    with _unpacking, warnings.catch_warnings():
        # A large picture and odd metadata are warned of, and neither makes the picture unusable.
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=(_FORMATS[content_type],)) as image:
                size = image.size
                _decode(image)
        except Image.DecompressionBombError:
            limit = f"{2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} million pixels"
            raise NotMedia(f"an image of more than {limit}, which is not unpacked") from None
        except _DAMAGED as error:
            raise NotMedia(f"a truncated or damaged file of type {content_type} ({error})") from error
    return size


def _decode(image: Image.Image) -> None:
    frame = 0
    while True:
        image.load()
        frame += 1
        try:
            image.seek(frame)
        except EOFError:
            return
