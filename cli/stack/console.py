"""What the person at the terminal sees: prefixed, coloured lines of every process, and a few notices."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

_NAME_WIDTH = 9
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_OURS = "darkroom"


class Console:
    """Writes whole lines, one process at a time; safe to share between threads."""

    def __init__(self, stream: TextIO, *, colour: bool | None = None) -> None:
        self._stream = stream
        self._colour = _wants_colour(stream) if colour is None else colour
        self._colours: dict[str, int] = {}
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """One line that the process ``name`` wrote."""
        self._write(f"{self._prefix(name)} {text}\n")

    def notice(self, text: str) -> None:
        """One line of the supervisor's own."""
        self.line(_OURS, text)

    def block(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of columns, aligned, set off by an empty line on either side."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )
        text = "\n".join(f"  {line.rstrip()}" for line in lines)
        self._write(f"\n{text}\n\n")

    def _write(self, text: str) -> None:
        # Whoever read this may have gone (`darkroom up | head`); the processes go on, their logs are on disk.
        with self._lock, suppress(BrokenPipeError):
            self._stream.write(text)
            self._stream.flush()

    def _prefix(self, name: str) -> str:
        label = f"{name:<{_NAME_WIDTH}} |"
        if not self._colour:
            return label
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\x1b[{colour}m{label}\x1b[0m"


def _wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ
