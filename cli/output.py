"""What a command prints: JSON or tables on stdout, the rest on stderr; no colour where nobody looks."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wide enough that nothing is folded or cut where a program reads the table.
_PIPE_WIDTH: Final = 4096


class Teller(Protocol):
    """Says where something long stands."""

    def __call__(self, text: str) -> None:
        """Show ``text`` in the place of what was shown before."""
        ...


class Output:
    """The two streams of one command; with ``as_json`` nothing but JSON goes to stdout."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = console(sys.stdout.isatty(), stderr=False)
        self.err = console(sys.stderr.isatty(), stderr=True)

    @property
    def lively(self) -> bool:
        """Whether there is someone to show progress to."""
        return self.err.is_terminal and not self.as_json

    def json(self, value: Any) -> None:  # noqa: ANN401 - JSON
        """Write ``value``, indented."""
        sys.stdout.write(f"{json.dumps(value, indent=2, ensure_ascii=False)}\n")

    def json_line(self, value: Any) -> None:  # noqa: ANN401 - JSON
        """Write ``value`` on one line, at once: for what goes on while it is read."""
        sys.stdout.write(f"{json.dumps(value, ensure_ascii=False)}\n")
        sys.stdout.flush()

    def line(self, text: str = "", style: str = "") -> None:
        """One line of the result."""
        self._out.print(Text(plain(text), style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
        """Rows of cells; the first column is never folded: it is what is copied."""
        self._out.print(table(columns, rows))

    def facts(self, facts: Iterable[Sequence[str | Text]]) -> None:
        """Names and what they are, one a line."""
        made = table(("", ""), facts)
        made.show_header = False
        self._out.print(made)

    def note(self, text: str) -> None:
        """A remark that is not the result."""
        self.err.print(Text(plain(text)), soft_wrap=True)

    @contextmanager
    def telling(self, text: str) -> Iterator[Teller]:
        """A line at the terminal that changes while something long goes on; silent elsewhere."""
        if not self.lively:
            yield _silently
            return
        with self.err.status(Text(text)) as status:
            yield lambda text: status.update(Text(plain(text)))


def console(is_terminal: bool, *, stderr: bool) -> Console:  # noqa: FBT001 - rich's own word for it
    """A console for one of our streams; what it prints is text, never markup: it may hold a prompt."""
    width = None if is_terminal else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table in the one look that all of them have."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, name in enumerate(columns):
        made.add_column(name, no_wrap=number == 0, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    return made


def _silently(text: str) -> None:
    """Tell nobody."""


def plain(text: str) -> str:
    """``text`` without what a terminal would obey: other people's prompts and errors are only shown."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
