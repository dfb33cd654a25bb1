"""The row ids of one file: 100,000 of any length in a few megabytes."""

from hashlib import blake2b


class RowIds:
    """Which row ids were seen, and on which line first."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}

    def first_line(self, row_id: str, line: int) -> int:
        """Note a row id of this line, and tell the line that had it first: the same one where it is new."""
        return self._lines.setdefault(blake2b(row_id.encode(), digest_size=12).digest(), line)
