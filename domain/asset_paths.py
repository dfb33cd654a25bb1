"""Where the files of a batch's rows lie in an archive or a folder: names that no system takes amiss."""

import re
from typing import Final
from unicodedata import normalize

# In UTF-8 four bytes each at most, so that with the number before them they fit into what file systems take.
_MOST_CHARACTERS: Final = 60
_UNSAFE: Final = re.compile(r"[^\w.-]+")
_EDGES: Final = "._-"


def asset_path(number: int, rows: int, row_id: str | None, n: int, extension: str) -> str:
    """``0042-sku-7/0.mp4``: the row's number from 1 on, as wide as the last of all ``rows``, and its row id.

    Of the row id only letters, digits and ``. _ -`` stay. Since the number stands first, no two rows share a
    folder, whatever the system makes of case, and no name is one that a system keeps for itself.
    """
    folder = f"{number:0{len(str(rows))}d}"
    name = _UNSAFE.sub("_", normalize("NFC", row_id or "")).strip(_EDGES)[:_MOST_CHARACTERS].rstrip(_EDGES)
    return f"{folder}-{name}/{n}.{extension}" if name else f"{folder}/{n}.{extension}"
