"""Receivers that would keep a worker busy or fill its memory: each ends at the deadline or at a limit."""

import re
import socket
from threading import Event
from time import monotonic

import pytest

from outbound.addresses import PrivateHosts
from outbound.callbacks import EXCERPT_BYTES, Sender
from tests.support.raw_server import Script, drip, raw_server, silence

HERE = PrivateHosts.parse("127.0.0.1")
SECONDS = 0.4
# The beginning of a TLS record that announces more bytes than ever come.
_RECORD = b"\x16\x03\x03\x40\x00"


def flood(start: bytes, piece: bytes) -> Script:
    """``start``, then ``piece`` as fast as it is taken."""

    def script(connection: socket.socket, over: Event) -> None:
        connection.sendall(start)
        while not over.is_set():
            connection.sendall(piece * 100)

    return script


@pytest.mark.parametrize("script", [silence, drip(_RECORD, b".", 0.02)], ids=["silence", "dripping record"])
def test_a_handshake_that_does_not_end_ends_at_the_deadline(script: Script) -> None:
    with raw_server(script, reads=False) as url:
        started = monotonic()
        answer = Sender(HERE, timeout_seconds=SECONDS).post(url.replace("http:", "https:"), b"{}", {})
        took = monotonic() - started
    assert SECONDS - 0.1 < took < SECONDS + 1.5
    assert answer.status is None
    assert re.search("Timeout", str(answer.error))


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), None),
        (flood(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"), None),
        (flood(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 100), None),
        (flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100), 200),
        (flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), 200),
        (flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: x\r\n"), 200),
        (flood(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"\x1f\x8b"), 200),
    ],
    ids=["interim answers", "headers", "one header", "body", "chunks", "trailers", "gzip"],
)
def test_an_endless_answer_ends_at_a_limit_or_at_the_deadline(script: Script, status: int | None) -> None:
    with raw_server(script) as url:
        started = monotonic()
        answer = Sender(HERE, timeout_seconds=1.0).post(url, b"{}", {})
        took = monotonic() - started
    assert took < 3.0
    assert answer.status == status
    assert len(answer.excerpt) <= EXCERPT_BYTES
