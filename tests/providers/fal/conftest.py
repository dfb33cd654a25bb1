"""Parts for the tests of the fal adapter: providers on local servers, handles, and a server of raw bytes."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol, Self

import pytest
from pytest_httpserver import HTTPServer

from domain.lifecycle import Kind
from outbound.many import PooledWire
from providers.base import Handle, Observation, Submission
from providers.fal import FalProvider

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
KEY = "key-id:key-secret"


class MakeProvider(Protocol):
    def __call__(self, queue_url: str, *, submit_timeout: float = 5.0) -> FalProvider: ...


@pytest.fixture
def make_provider() -> MakeProvider:
    def make(queue_url: str, *, submit_timeout: float = 5.0) -> FalProvider:
        return FalProvider(
            KEY, queue_url, f"{queue_url}/v1", submit_timeout=submit_timeout, clock=lambda: NOW
        )

    return make


@pytest.fixture
def queue_url(httpserver: HTTPServer) -> str:
    return httpserver.url_for("/fal/queue")


@pytest.fixture
def provider(make_provider: MakeProvider, queue_url: str) -> FalProvider:
    return make_provider(queue_url)


@pytest.fixture
def submission() -> Submission:
    return Submission(
        token="token-1",
        kind=Kind.VIDEO,
        endpoint="fal-ai/kling-video/v3/standard/text-to-video",
        arguments={"prompt": "a heron in the rain", "duration": "5"},
    )


@pytest.fixture
def handle() -> Handle:
    return Handle(
        request_id="req-1",
        kind=Kind.VIDEO,
        endpoint="fal-ai/kling-video/v3/standard/text-to-video",
        accepted_at=NOW - timedelta(seconds=60),
        unit_price=Decimal("0.084"),
    )


@pytest.fixture
def look() -> Callable[[FalProvider, Handle], Observation]:
    async def once(provider: FalProvider, handle: Handle) -> Observation:
        async with PooledWire() as wire:
            return await provider.look(handle, wire)

    return lambda provider, handle: asyncio.run(once(provider, handle))


@dataclass
class RawServer:
    """Speaks bytes on a loopback port: each connection is read for one request and gets ``answer``.

    With ``hold`` the connection then stays open and silent; with ``reset`` it is cut instead of closed.
    """

    answer: bytes = b""
    hold: bool = False
    reset: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/fal/queue"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n")) if not self._is_tls(connection) else b""
            lengths = [line for line in head.splitlines() if line.lower().startswith(b"content-length:")]
            body = stream.read(int(lengths[0].split(b":")[1])) if lengths else b""
            self.requests.append(head + b"\r\n" + body)
        connection.sendall(self.answer)
        if self.hold:
            self._open.append(connection)
            return
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    @staticmethod
    def _is_tls(connection: socket.socket) -> bool:
        return connection.recv(1, socket.MSG_PEEK) in {b"\x16", b""}


@pytest.fixture
def raw_server() -> Iterator[Callable[..., RawServer]]:
    servers: list[RawServer] = []

    def start(answer: bytes = b"", *, hold: bool = False, reset: bool = False) -> RawServer:
        server = RawServer(answer, hold, reset)
        servers.append(server.__enter__())
        return server

    yield start
    for server in servers:
        server.__exit__()
