"""The synchronous wire: each call on a connection of its own, which knows whether a byte was sent on it."""

import io
import socket
import ssl
import time
from contextlib import closing
from functools import lru_cache
from typing import Any, Final

import httpx
from urllib3.connection import HTTPConnection, HTTPException, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, parse_url

from outbound.wire import CONNECT_SECONDS, MAX_REPLY_BYTES, NoReply, NotSent, Reply, Request, json_type

_CHUNK_BYTES: Final = 64 * 1024
_MAX_HEAD_BYTES: Final = 256 * 1024
# Everything that a call can end in besides its reply; a ``ValueError`` is an address or header that no
# request can have.
_FAULTS: Final = (HTTPError, HTTPException, OSError, ValueError)


class DirectWire:
    """One request on one fresh connection: no redirects, no retries, no proxy, one deadline for all of it.

    Connections are not kept: one that the provider closed while it was idle would make the next call's
    outcome unknown, which costs far more than a handshake.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    def call(self, request: Request, *, timeout: float) -> Reply:
        """Send ``request`` once; raises NotSent or NoReply."""
        end = time.monotonic() + timeout
        try:
            url = parse_url(request.url)
            connection = self._connection(url, min(CONNECT_SECONDS, timeout))
            connection.connect()
        except _FAULTS as error:
            raise NotSent(_said(error)) from error
        with closing(connection.sock) as connected:
            line = _Line(connected, end)
            connection.sock = line
            try:
                return _exchange(connection, url, request, line)
            except _FAULTS as error:
                # Where not a byte was handed over, it is our own doing: a header that cannot be sent.
                raise (NoReply if line.used else NotSent)(_said(error)) from error

    def _connection(self, url: Url, seconds: float) -> HTTPConnection:
        if not url.host or url.scheme not in {"http", "https"}:
            raise LocationValueError("not an http or https address")
        host = url.host.strip("[]")
        if url.scheme == "https":
            tls = self._tls or _verifying()
            return HTTPSConnection(host, url.port, timeout=seconds, ssl_context=tls)
        return HTTPConnection(host, url.port, timeout=seconds)


class _Line:
    """A connected socket that tells whether it was written to, and on which nothing lasts beyond ``end``."""

    def __init__(self, connected: socket.socket, end: float) -> None:
        self._socket = connected
        self._end = end
        self._head_bytes = 0
        self.head = True
        self.used = False

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._left())
        self.used = True
        self._socket.sendall(data)

    def recv_into(self, buffer: memoryview) -> int:
        self._socket.settimeout(self._left())
        count = self._socket.recv_into(buffer)
        self._head_bytes += count if self.head else 0
        if self._head_bytes > _MAX_HEAD_BYTES:
            raise OSError(f"the head of the answer is larger than {_MAX_HEAD_BYTES} bytes")
        return count

    def makefile(self, mode: str, *_: object) -> io.BufferedReader:
        del mode
        return io.BufferedReader(_Reader(self), _CHUNK_BYTES)

    def settimeout(self, _: float | None) -> None:
        """Nothing: every read and write sets its own."""

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        """Nothing: the library lets go of it before the answer is read; its owner closes the socket."""

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        return left


class _Reader(io.RawIOBase):
    """What comes in on a line."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - io's own signature
        return self._line.recv_into(buffer)


@lru_cache(maxsize=1)
def _verifying() -> ssl.SSLContext:
    """One for the process: reading the certificates takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


def _exchange(connection: HTTPConnection, url: Url, request: Request, line: _Line) -> Reply:
    headers = {"Accept-Encoding": "gzip, deflate", "Connection": "close"}
    headers |= {name: value for name, value in request.headers.items() if name.lower() != "accept-encoding"}
    # It must never connect by itself a second time.
    connection.auto_open = 0
    connection.request(
        request.method,
        url.request_uri,
        body=request.json,
        headers=headers | json_type(request),
        preload_content=False,
    )
    response = connection.getresponse()
    line.head = False
    named = {name.lower(): value for name, value in response.headers.itermerged()}
    return Reply(response.status, named, _body(response))


def _body(response: BaseHTTPResponse) -> bytes:
    body = bytearray()
    for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise OSError(f"the answer is larger than {MAX_REPLY_BYTES} bytes")
    return bytes(body)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
