"""What the person at the terminal sees."""

import io
import os

import pytest

from cli.stack.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_line_says_which_process_wrote_it() -> None:
    shown = io.StringIO()
    console = Console(shown)
    console.line("web", "listening")
    console.notice("ready")
    assert shown.getvalue() == "web       | listening\ndarkroom  | ready\n"


def test_on_a_terminal_each_process_keeps_a_colour_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = Terminal()
    console = Console(shown)
    for name in ("web", "worker", "web"):
        console.line(name, "x")
    prefixes = [line.removesuffix(" x") for line in shown.getvalue().splitlines()]
    assert prefixes[0] == "\x1b[36mweb       |\x1b[0m"
    assert prefixes[2] == prefixes[0]
    assert prefixes[1][:5] != prefixes[0][:5]


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = Terminal()
    Console(shown).line("web", "x")
    assert "\x1b" not in shown.getvalue()


def test_a_block_is_aligned_and_set_off() -> None:
    shown = io.StringIO()
    Console(shown).block([("API", "http://here"), ("API key", "var/api-key")])
    assert shown.getvalue() == "\n  API      http://here\n  API key  var/api-key\n\n"


def test_a_reader_that_went_away_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    # Unbuffered: nothing is left over that closing would try to write once more.
    with io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True) as stream:
        Console(stream).notice("still here")
