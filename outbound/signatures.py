"""What a file really is, by its first bytes."""

import json
from collections.abc import Callable
from typing import Final

HEAD_BYTES: Final = 4096

_EXTENSIONS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/mpeg": "mpg",
    "video/x-msvideo": "avi",
    "image/x-exr": "exr",
    "application/zip": "zip",
}

# (offset, bytes, content type): the first that matches names the type.
_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"\x76\x2f\x31\x01", "image/x-exr"),
    (0, b"PK\x03\x04", "application/zip"),
)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_OLD_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})

# What hosts send in place of a file, for the sentence in the error.
_STRANGERS: Final = (
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "gzip data"),
    (b"ID3", "an MP3 audio file"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC audio file"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
)
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body")


def extension(content_type: str) -> str:
    """The file name extension of a content type, without a dot; ``bin`` for one that is not known."""
    return _EXTENSIONS.get(content_type, "bin")


def content_type_of(head: bytes) -> str | None:
    """The content type that the first bytes of a file show; None when they show none that is stored."""
    for offset, signature, content_type in _SIGNATURES:
        if head.startswith(signature, offset) and (offset == 0 or head.startswith(b"RIFF")):
            return content_type
    if head.startswith(_EBML):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return _iso_type(head)


def _iso_type(head: bytes) -> str | None:
    box = head[4:8]
    if box == b"ftyp":
        length = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[start : start + 4] for start in (8, *range(16, length, 4))}
        if brands & _AVIF_BRANDS:
            return "image/avif"
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    return "video/quicktime" if box in _OLD_QUICKTIME else None


def describe(head: bytes) -> str:
    """What bytes that are no media are, in words for an error."""
    if not head:
        return "an empty file"
    for signature, words in _STRANGERS:
        if head.startswith(signature):
            return words
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for matches, words in _TEXTS:
        if matches(start):
            return words
    return f"no known file type (it begins with {head[:8].hex(' ')})"


def _is_json(start: bytes) -> bool:
    try:
        text = start.decode("utf-8", errors="ignore")
        json.JSONDecoder().raw_decode(text)
    except ValueError:
        # A long document is cut off by the head: an opening of the right shape has to do.
        return start.startswith((b'{"', b'[{"', b'["')) and len(start) > HEAD_BYTES // 2
    return start.startswith((b"{", b"["))


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="replace")
    return "\ufffd" not in text[:-1] and all(char.isprintable() or char.isspace() for char in text[:-1])


_TEXTS: Final[tuple[tuple[Callable[[bytes], bool], str], ...]] = (
    (lambda start: start[:32].lower().startswith(_HTML), "an HTML page"),
    (lambda start: start.startswith((b"<?xml", b"<Error")), "an XML document"),
    (_is_json, "a JSON document"),
    (_is_text, "plain text"),
)
