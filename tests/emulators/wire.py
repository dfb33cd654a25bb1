"""A threaded HTTP/1.1 server that answers as scripted, down to cut-off answers, and keeps a log."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

_LONGEST_HOLD_SECONDS = 120.0


class Cut(Enum):
    """How much of an answer gets through."""

    NOTHING = "the whole answer"
    HALF = "the head and half of the body, then the end of the connection"
    ALL = "not one byte: the connection is reset"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived; ``at`` is in seconds of the monotonic clock."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def segments(self) -> list[str]:
        """The parts of the path; a trailing slash adds none."""
        return [part for part in self.path.split("/") if part]

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The body as JSON; raises ValueError where it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; ``cut`` is what the network does to it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Cut = Cut.NOTHING
    # Half of the body goes out at once, the rest when this is set.
    hold: threading.Event | None = None


Answerer = Callable[[Request], Reply]


class Server:
    """A loopback server; every request is logged before it is answered."""

    def __init__(self, answer: Answerer) -> None:
        self.log: list[Request] = []
        self._answer = answer
        self._server = _Listener(self)
        self._thread = threading.Thread()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, method: str) -> list[Request]:
        """The logged requests of one method."""
        return [request for request in list(self.log) if request.method == method]

    def answer(self, request: Request) -> Reply:
        """Log the request and ask the script; a script that fails shows as a 500 with the reason."""
        self.log.append(request)
        return self._answer(request)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Refuse every connection for the length of the block, and end those that are open."""
        address = cast("tuple[str, int]", self._server.server_address)
        self._end()
        try:
            yield
        finally:
            self._server = _Listener(self, address)
            self._start()

    @contextmanager
    def serving(self) -> Iterator["Server"]:
        """Listen to the end of the block."""
        self._start()
        try:
            yield self
        finally:
            self._end()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server.hang_up()


def json_reply(status: int, value: object, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


def html_reply(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer as a proxy or a web page gives it."""
    body = f"<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>".encode()
    return Reply(status, body, {"Content-Type": "text/html", **(headers or {})})


RESET = Reply(cut=Cut.ALL)


class _Listener(ThreadingHTTPServer):
    """Knows the server that it listens for."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: Server, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Handler)
        self.owner = owner
        self.open: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End the connections that are open."""
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no matter; anything else is shown as usual."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "emulator"
    # One segment per answer: without it Nagle's algorithm adds 40 ms to each.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Keep count of the connection."""
        super().setup()
        cast("_Listener", self.server).open.add(self.connection)

    def finish(self) -> None:
        """The connection is not ours to end any more."""
        cast("_Listener", self.server).open.discard(self.connection)
        super().finish()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, self.headers, body)
        self._send(cast("_Listener", self.server).owner.answer(request))

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The library looks for one method per HTTP verb; they are all the same here.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _send(self, reply: Reply) -> None:
        if reply.cut is Cut.ALL:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        half = len(reply.body) // 2
        self.wfile.write(reply.body[:half])
        self.wfile.flush()
        if reply.hold is not None:
            reply.hold.wait(_LONGEST_HOLD_SECONDS)
        self.wfile.write(reply.body[half:] if reply.cut is Cut.NOTHING else b"")
        self.wfile.flush()
        self.close_connection = self.close_connection or reply.cut is Cut.HALF

    def _reset(self) -> None:
        self.close_connection = True
        # Closing with a linger time of zero sends RST: what a crash of the other side looks like.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, *_: object) -> None:
        """Nothing on stderr: the log is ``Server.log``."""
