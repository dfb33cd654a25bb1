"""The wires to the providers: one request each, and every failure told by what it proves."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from outbound.direct import DirectWire
from outbound.many import PooledWire
from outbound.wire import MAX_REPLY_BYTES, NoReply, NotSent, Reply, Request, WireError
from tests.support.raw_server import drip, raw_server, silence
from tests.support.tls_server import tls_server

Call = Callable[[Request, float], Reply]
BODY = b'{"prompt": "a red kite"}'


def by_itself(request: Request, timeout: float) -> Reply:
    return DirectWire().call(request, timeout=timeout)


def by_pool(request: Request, timeout: float) -> Reply:
    async def scene() -> Reply:
        async with PooledWire() as wire:
            return await wire.call(request, timeout=timeout)

    return asyncio.run(scene())


@pytest.fixture(params=[by_itself, by_pool])
def call(request: pytest.FixtureRequest) -> Call:
    chosen: Call = request.param
    return chosen


def refused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_request_and_reply_arrive_as_they_are(call: Call, httpserver: HTTPServer) -> None:
    answer = {"x-request-id": "r-1"}
    httpserver.expect_request("/jobs", method="POST").respond_with_data(b"made", status=201, headers=answer)
    request = Request("POST", httpserver.url_for("/jobs?a=b"), {"Authorization": "Key k"}, BODY)
    reply = call(request, 5)
    assert (reply.status, reply.body, reply.headers["x-request-id"], reply.ok) == (201, b"made", "r-1", True)
    [(heard, _)] = httpserver.log
    assert heard.get_data() == BODY
    assert heard.headers["Authorization"] == "Key k"
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.query_string == b"a=b"


def test_a_request_without_a_body_has_no_content_type(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(b"")
    call(Request("GET", httpserver.url_for("/")), 5)
    [(heard, _)] = httpserver.log
    assert "Content-Type" not in heard.headers


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_every_status_is_a_reply_and_nothing_is_followed_or_repeated(
    call: Call, httpserver: HTTPServer, status: int
) -> None:
    headers = {"Location": httpserver.url_for("/elsewhere"), "Retry-After": "0"}
    httpserver.expect_request("/").respond_with_data(b"no", status=status, headers=headers)
    reply = call(Request("POST", httpserver.url_for("/"), json=BODY), 5)
    assert (reply.status, reply.ok) == (status, False)
    assert len(httpserver.log) == 1


def test_a_packed_reply_is_unpacked(call: Call, httpserver: HTTPServer) -> None:
    packed = gzip.compress(json.dumps({"a": 1}).encode())
    httpserver.expect_request("/").respond_with_data(packed, headers={"Content-Encoding": "gzip"})
    assert json.loads(call(Request("GET", httpserver.url_for("/")), 5).body) == {"a": 1}


@pytest.mark.parametrize(
    "url",
    [
        "http://no-such-host.invalid/",
        "not a url",
        "http://127.0.0.1:99999/",
        "http://",
    ],
)
def test_what_cannot_be_reached_was_not_sent(url: str) -> None:
    with pytest.raises(NotSent):
        by_itself(Request("POST", url, json=BODY), 5)
    with pytest.raises(WireError):
        by_pool(Request("GET", url), 5)


def test_a_refused_connection_was_not_sent() -> None:
    with pytest.raises(NotSent):
        by_itself(Request("POST", refused_url(), json=BODY), 5)


def test_a_look_that_finds_nobody_says_so() -> None:
    with pytest.raises(WireError, match="refused"):
        by_pool(Request("GET", refused_url()), 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
    ],
    ids=["hangs up", "cut off", "not HTTP", "broken gzip"],
)
def test_an_unreadable_reply_may_stand_for_a_request_that_was_taken(call: Call, answer: bytes) -> None:
    with raw_server(answer) as url, pytest.raises(NoReply):
        call(Request("POST", url, json=BODY), 5)


def test_silence_may_stand_for_a_request_that_was_taken(call: Call) -> None:
    with raw_server(silence) as url, pytest.raises(NoReply):
        call(Request("POST", url, json=BODY), 0.4)


def test_a_reply_that_drips_in_ends_with_its_time(call: Call) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(drip(head, b".", 0.1)) as url, pytest.raises(NoReply):
        call(Request("POST", url, json=BODY), 0.6)


def test_a_reply_without_end_is_not_read_to_the_end(call: Call) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            connection.sendall(b"." * 1024 * 1024)
            sent.append(1)

    with raw_server(flood) as url, pytest.raises(NoReply, match=str(MAX_REPLY_BYTES)):
        call(Request("GET", url), 30)
    assert len(sent) < 2 * MAX_REPLY_BYTES // 1024**2


def test_a_wire_that_is_not_open_sends_nothing() -> None:
    with pytest.raises(NotSent, match="not open"):
        asyncio.run(PooledWire().call(Request("GET", "http://127.0.0.1:1/"), timeout=1))


def test_a_wire_that_was_never_opened_can_be_closed() -> None:
    asyncio.run(PooledWire().__aexit__(None, None, None))


def test_a_head_that_drips_in_ends_with_its_time() -> None:
    with raw_server(drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b".", 0.1)) as url, pytest.raises(NoReply):
        by_itself(Request("POST", url, json=BODY), 0.6)


@pytest.mark.parametrize("piece", [b"X-Pad: " + b"." * 60_000 + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_head_without_end_is_not_read_to_the_end(piece: bytes) -> None:
    start = b"" if piece.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"

    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.is_set():
            connection.sendall(piece)

    with raw_server(flood) as url, pytest.raises(NoReply, match="the head of the answer"):
        by_itself(Request("POST", url, json=BODY), 30)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 2\r\nConnection: close\r\n", b"", b"Connection: close\r\n"]
)
def test_a_reply_is_read_whole_on_a_line_that_ends_with_it(framing: bytes) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\nok") as url:
        assert by_itself(Request("POST", url, json=BODY), 5).body == b"ok"


def test_headers_that_come_twice_are_joined() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    with raw_server(head) as url:
        assert by_itself(Request("GET", url), 5).headers["x-a"] == "1, 2"


@pytest.mark.parametrize("header", [{"X-Bad": "a\r\nb"}, {"X-Bad": "\u20ac"}, {"X Bad\n": "a"}])
def test_a_header_that_cannot_be_sent_leaves_nothing_sent(
    header: dict[str, str], httpserver: HTTPServer
) -> None:
    with pytest.raises(NotSent):
        by_itself(Request("POST", httpserver.url_for("/"), header, BODY), 5)
    assert httpserver.log == []


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with tls_server(tmp_path, "localhost", heard) as (port, _), pytest.raises(NotSent, match="verify"):
        by_itself(Request("POST", f"https://localhost:{port}/", json=BODY), 5)
    assert heard == []


def test_a_server_with_another_name_is_not_spoken_to(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with (
        tls_server(tmp_path, "elsewhere.example", heard) as (port, tls),
        pytest.raises(NotSent, match="match"),
    ):
        DirectWire(tls=tls).call(Request("POST", f"https://localhost:{port}/", json=BODY), timeout=60)
    assert heard == []


def test_a_server_that_is_vouched_for_is_spoken_to(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with tls_server(tmp_path, "localhost", heard) as (port, tls):
        reply = DirectWire(tls=tls).call(Request("POST", f"https://localhost:{port}/", json=BODY), timeout=60)
    assert (reply.status, reply.body) == (200, b"ok")
    assert heard[0].startswith(b"POST / HTTP/1.1")


def test_something_that_does_not_speak_tls_was_not_sent_anything(httpserver: HTTPServer) -> None:
    with pytest.raises(NotSent):
        by_itself(Request("POST", httpserver.url_for("/").replace("http:", "https:"), json=BODY), 5)


def test_what_is_printed_of_a_request_shows_neither_key_nor_body() -> None:
    shown = repr(Request("POST", "https://p.example/", {"Authorization": "Key k-secret"}, BODY))
    assert "k-secret" not in shown
    assert "kite" not in shown
    assert "kite" not in repr(Reply(200, {}, BODY))
