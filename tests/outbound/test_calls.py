"""Connections for callbacks: kept where that is safe, always to an address that was checked."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import httpcore
import httpx
import pytest
from pytest_httpserver import HTTPServer

from outbound.addresses import PrivateHosts
from outbound.calls import Calls
from outbound.guard import BlockedAddress, Guard, Resolver

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Keeping:
    """A server that keeps its connections, until it closes each after its answer, or drops it before."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.closes, self.closed = Event(), Event()
        self.drops = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    @contextmanager
    def serving(self) -> Iterator["Keeping"]:
        thread = Thread(target=self._accept, daemon=True)
        thread.start()
        yield self
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        with connection, suppress(OSError):
            while piece := connection.recv(65536):
                received += piece
                if not received.endswith(b"\r\n\r\n{}"):
                    continue
                received = b""
                self.requests += 1
                if self.drops.is_set():
                    return
                connection.sendall(_OK)
                if self.closes.is_set():
                    break
        self.closed.set()


@pytest.fixture
def server() -> Iterator[Keeping]:
    with Keeping().serving() as serving:
        yield serving


class Names:
    """A resolver with an answer for each question, the last one for all that follow."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, *_: object) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def calling(
    scene: Callable[[Calls], Awaitable[None]],
    names: Resolver,
    private: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    **options: float,
) -> None:
    async def whole() -> None:
        calls = Calls(Guard(PrivateHosts.parse(private), names), 5.0, ssl_context=tls, **options)
        await scene(calls)
        await calls.close()

    asyncio.run(whole())


async def post(calls: Calls, url: str) -> str:
    request = httpx.Request("POST", url, content=b"{}")
    async with calls.exchange(request, b"{}") as response:
        return b"".join([chunk async for chunk in response.aiter_stream()]).decode()


def test_a_connection_is_kept_and_stays_at_the_address_that_was_checked(server: Keeping) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])

    async def scene(calls: Calls) -> None:
        for _ in range(3):
            assert await post(calls, f"http://rebinding.example:{server.port}/") == "ok"

    calling(scene, names, rest_seconds=0.0)
    assert (names.asked, server.connections, server.requests) == (1, 1, 3)


def test_a_new_connection_is_checked_anew(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        server.closes.set()
        url = f"http://rebinding.example:{server.port}/"
        assert await post(calls, url) == "ok"
        with pytest.raises(BlockedAddress, match=r"resolves to 127\.0\.0\.2"):
            await post(calls, url)

    calling(scene, Names(["127.0.0.1"], ["127.0.0.2"]))


def test_a_receiver_that_closes_after_its_answer_without_a_word_loses_nothing(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        server.closes.set()
        for _ in range(20):
            assert await post(calls, f"http://127.0.0.1:{server.port}/") == "ok"

    calling(scene, Names(["127.0.0.1"]))
    assert (server.connections, server.requests) == (20, 20)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        url = f"http://127.0.0.1:{server.port}/"
        server.closes.set()
        assert await post(calls, url) == "ok"
        await asyncio.to_thread(server.closed.wait, 5)
        assert await post(calls, url) == "ok"

    calling(scene, Names(["127.0.0.1"]), rest_seconds=0.0)


def test_what_breaks_off_is_not_sent_again(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        url = f"http://127.0.0.1:{server.port}/"
        assert await post(calls, url) == "ok"
        server.drops.set()
        with pytest.raises(httpcore.RemoteProtocolError):
            await post(calls, url)

    calling(scene, Names(["127.0.0.1"]), rest_seconds=0.0)
    assert (server.connections, server.requests) == (1, 2)


def test_requests_beside_each_other_have_connections_of_their_own(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        url = f"http://127.0.0.1:{server.port}/"
        for _ in range(2):
            assert await asyncio.gather(*(post(calls, url) for _ in range(20))) == ["ok"] * 20

    calling(scene, Names(["127.0.0.1"]), rest_seconds=0.0)
    assert 20 <= server.connections <= 24


def test_the_next_address_is_tried_when_one_refuses(server: Keeping) -> None:
    async def scene(calls: Calls) -> None:
        assert await post(calls, f"http://two.example:{server.port}/") == "ok"
        with pytest.raises(httpcore.ConnectError, match="cannot be resolved"):
            await post(calls, f"http://nobody.example:{server.port}/")

    def names(host: str, *_: object) -> Sequence[str]:
        if host == "nobody.example":
            raise OSError("there is no such name")
        return ["127.0.0.9", "127.0.0.1"]

    calling(scene, names, private="127.0.0.0/8")


def test_tls_is_spoken_with_the_name_of_the_url(
    tls_server: tuple[HTTPServer, list[str | None]], certificate: Path
) -> None:
    server, asked = tls_server
    server.expect_request("/").respond_with_data("secure")

    async def scene(calls: Calls) -> None:
        assert await post(calls, f"https://media.example:{server.port}/") == "secure"
        with pytest.raises(httpcore.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await post(calls, f"https://other.example:{server.port}/")

    trusting = ssl.create_default_context(cafile=str(certificate))
    calling(scene, Names(["127.0.0.1"]), tls=trusting)
    assert asked == ["media.example", "other.example"]
