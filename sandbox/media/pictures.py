"""Drawing one still picture: a colour that belongs to the prompt, the word SANDBOX, and the prompt itself."""

import io
import textwrap
from functools import cache
from hashlib import sha256
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from sandbox.media.spec import MediaSpec

_MOST_CHARACTERS: Final = 600
_WRITERS: Final = {
    "png": {"compress_level": 1},
    "jpeg": {"quality": 85},
    "webp": {"quality": 80, "method": 0},
}
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def draw(spec: MediaSpec) -> Image.Image:
    """The picture of this size, with its words; plain black where a safety filter is played."""
    if spec.black:
        return Image.new("RGB", (spec.width, spec.height))
    digest = sha256(_printable(spec.prompt).encode()).digest()
    picture = _background(digest, (spec.width, spec.height))
    pen = ImageDraw.Draw(picture)
    margin = min(picture.size) // 20
    title = max(min(picture.size) // 8, 10)
    body = max(min(picture.size) // 22, 8)
    pen.text((margin, margin), "SANDBOX", fill="white", font=_font(title))
    columns = max(int((spec.width - 2 * margin) / (body * 0.6)), 1)
    words = "\n".join(textwrap.wrap(_printable(spec.prompt), columns))
    pen.multiline_text((margin, margin + title * 1.4), words, fill="white", font=_font(body))
    return picture


def render_picture(spec: MediaSpec) -> bytes:
    """The encoded picture."""
    out = io.BytesIO()
    draw(spec).save(out, spec.format, **_WRITERS[spec.format])
    return out.getvalue()


def _background(digest: bytes, size: tuple[int, int]) -> Image.Image:
    """From one dark colour at the top to another at the bottom, both of them the prompt's own."""
    shades = Image.linear_gradient("L").resize(size)
    top, bottom = (tuple(byte // 2 for byte in digest[start : start + 3]) for start in (0, 3))
    return ImageOps.colorize(shades, top, bottom)


def _printable(prompt: str) -> str:
    """The prompt without what a font cannot take: control characters and lone surrogates."""
    valid = prompt[:_MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in valid)


@cache
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)
