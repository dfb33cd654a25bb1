"""The row ids of one file: 100,000 of any length in a few megabytes."""

from hashlib import blake2b
from typing import Final

# Kept as they are: a digest would take no less room, and time besides.
_SHORT: Final = 24


class RowIds:
    """Which row ids were seen, and on which line first."""

    def __init__(self) -> None:
        self._lines: dict[str | bytes, int] = {}

    def first_line(self, row_id: str, line: int) -> int:
        """Note a row id of this line, and tell the line that had it first: the same one where it is new."""
        key = row_id if len(row_id) <= _SHORT else blake2b(row_id.encode(), digest_size=12).digest()
        return self._lines.setdefault(key, line)
