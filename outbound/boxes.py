"""Whether a container file is complete, by the sizes that its own top-level parts declare."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

_RIFF_UNKNOWN: Final = frozenset({0, 0xFFFF_FFFF})
_EBML_LONGEST: Final = 8
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_AROUND_DATA: Final = 12  # length, type and checksum
_LARGE: Final = 1
_MOST_PARTS: Final = 100_000  # a file of millions of empty parts is left to the decoder


def missing_bytes(path: Path, content_type: str) -> int:
    """How many bytes ``path`` lacks of what its top-level parts declare; 0 where it is complete.

    Read: ISO base media boxes (mp4, quicktime, avif), PNG chunks, RIFF chunks (avi, webp) and EBML elements
    (webm, matroska); a part of unknown length, and any other type, counts as complete. Only headers are read.
    """
    part_end = _PART_END.get(content_type)
    if part_end is None:
        return 0
    total = path.stat().st_size
    end = 0
    with path.open("rb") as file:
        for _ in range(_MOST_PARTS):
            if end >= total:
                break
            file.seek(end)
            end = part_end(file, end, total)
    return max(0, end - total)


def _iso_end(file: BinaryIO, start: int, total: int) -> int:
    """Where the box at ``start`` ends: 32-bit size and type, size 1 for a 64-bit one, 0 for the rest."""
    header = file.read(16)
    size, header_bytes = int.from_bytes(header[:4], "big"), 8
    if size == _LARGE:
        size, header_bytes = int.from_bytes(header[8:16], "big"), 16
    if size == 0:
        return total
    return start + max(size, header_bytes)


def _png_end(file: BinaryIO, start: int, total: int) -> int:
    """Where the chunk at ``start`` ends: length, type, data, checksum; behind the last one nothing counts."""
    if start == 0:
        return len(_PNG_SIGNATURE)
    header = file.read(8)
    return (
        total
        if header[4:] == b"IEND" and start + 12 <= total
        else start + 12 + int.from_bytes(header[:4], "big")
    )


def _riff_end(file: BinaryIO, start: int, total: int) -> int:
    """Where the chunk at ``start`` ends: type, 32-bit little-endian size, data, padding to even."""
    size = int.from_bytes(file.read(8)[4:8], "little")
    if size in _RIFF_UNKNOWN:
        return total
    end = start + 8 + size
    # The padding byte after an odd chunk is left out at the end by some writers.
    return end if end == total else end + size % 2


def _ebml_end(file: BinaryIO, start: int, total: int) -> int:
    """Where the element at ``start`` ends: an id and a size of 1 to 8 bytes each, led by their lengths."""
    header = file.read(16)
    id_bytes = _vint_bytes(header[0])
    if len(header) <= id_bytes:
        return start + id_bytes + 1
    size_bytes = _vint_bytes(header[id_bytes])
    value_bits = 7 * size_bytes
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & ((1 << value_bits) - 1)
    if size == (1 << value_bits) - 1:
        return total
    return start + id_bytes + size_bytes + size


def _vint_bytes(first: int) -> int:
    return min(_EBML_LONGEST + 1 - first.bit_length(), _EBML_LONGEST)


_PART_END: Final[dict[str, Callable[[BinaryIO, int, int], int]]] = {
    "video/mp4": _iso_end,
    "video/quicktime": _iso_end,
    "image/avif": _iso_end,
    "image/png": _png_end,
    "video/x-msvideo": _riff_end,
    "image/webp": _riff_end,
    "video/webm": _ebml_end,
    "video/x-matroska": _ebml_end,
}
