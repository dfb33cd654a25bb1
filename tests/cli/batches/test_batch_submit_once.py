"""A sheet is taken once, however often the answer to its upload is lost on the way."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Darkroom
from tests.cli.test_submit_once import answer, keys
from tests.support.batch_double import batch_view
from tests.support.raw_server import raw_server

SHEET = b"prompt\na kite\n"
TAKEN = answer(batch_view())


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each upload whole and gives each answer once; an empty one just ends."""
    left, asked = list(answers), []

    def script(connection: socket.socket, _: threading.Event) -> None:
        received = b""
        while not (head := re.search(rb"(?i)content-length: (\d+)(?s:.*?)\r\n\r\n", received)) or len(
            received
        ) < head.end() + int(head[1]):
            received += connection.recv(65536)
        asked.append(received)
        connection.sendall(left.pop(0))

    with raw_server(script, reads=False) as url:
        yield url, asked


@pytest.fixture
def sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
    path = tmp_path / "kites.csv"
    path.write_bytes(SHEET)
    return path


def test_a_lost_answer_is_asked_for_again_with_the_same_sheet_and_key(
    darkroom: Darkroom, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"", b"", TAKEN) as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("batch", "submit", sheet, "--json")
    assert ended.json == batch_view()
    assert len(asked) == 3
    assert all(SHEET in one for one in asked)
    assert len(keys(asked)) == 1


@pytest.mark.parametrize("options", [[], ["--again"]])
def test_when_every_answer_is_lost_the_key_is_named(
    options: list[str], darkroom: Darkroom, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"", b"", b"", b"") as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("batch", "submit", sheet, *options)
    assert ended.code == 3
    [line] = keys(asked)
    key = line.split()[1].decode()
    assert f"the batch may have been taken: the same command with --key {key} finds it" in ended.err


def test_people_see_how_much_is_sent(
    darkroom: Darkroom, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with answering(TAKEN) as (url, _):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("batch", "submit", sheet)
    assert "uploading, then checking" in ended.err
