import gzip
import hashlib
import os
import re
import socket
from pathlib import Path
from threading import Event

import pytest
from pytest_httpserver import HTTPServer

from outbound.download import Download, Downloader
from tests.outbound.fetching import ANYWHERE_HERE, CONTENT, QUERY, failure
from tests.support.raw_server import Script, drip, raw_server
from tests.support.seaweed import free_ports


def test_a_link_becomes_a_file(httpserver: HTTPServer, downloader: Downloader, into: Path) -> None:
    content = os.urandom(3_000_000)
    httpserver.expect_request("/a.mp4").respond_with_data(content, content_type="Video/MP4; codecs=x")
    got = downloader.fetch(httpserver.url_for("/a.mp4") + QUERY, into)
    assert got == Download(into, len(content), hashlib.sha256(content).hexdigest(), "video/mp4")
    assert into.read_bytes() == content


def test_progress_is_told_while_bytes_come(
    httpserver: HTTPServer, downloader: Downloader, into: Path
) -> None:
    seen: list[int] = []
    httpserver.expect_request("/a").respond_with_data(b"x" * 1_000_000)
    downloader.fetch(httpserver.url_for("/a"), into, on_progress=seen.append)
    assert seen == sorted(set(seen))
    assert len(seen) > 2
    assert seen[-1] == 1_000_000


def test_an_error_of_the_progress_call_stops_the_fetch(
    httpserver: HTTPServer, downloader: Downloader, into: Path
) -> None:
    def lost(_: int) -> None:
        raise LookupError("the lease was lost")

    httpserver.expect_request("/a").respond_with_data(CONTENT)
    with pytest.raises(LookupError, match="lease"):
        downloader.fetch(httpserver.url_for("/a"), into, on_progress=lost)
    assert not into.exists()


def test_nothing_that_could_be_a_key_is_sent(
    httpserver: HTTPServer, downloader: Downloader, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = into.with_name("netrc")
    netrc.write_text("machine localhost login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    httpserver.expect_request("/a").respond_with_data(
        "", status=302, headers={"Location": "/b", "Set-Cookie": "session=1; Domain=other.example"}
    )
    httpserver.expect_request("/b").respond_with_data(CONTENT)
    downloader.fetch(httpserver.url_for("/a"), into)
    for request, _ in httpserver.log:
        assert not {"Authorization", "Cookie", "Referer"} & set(request.headers.keys())


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, True) for status in (408, 425, 429, 500, 502, 503)),
        *((status, False) for status in (304, 305, 400, 401, 403, 404, 410, 451)),
    ],
)
def test_a_status_decides_whether_the_link_may_work_later(
    httpserver: HTTPServer, downloader: Downloader, into: Path, status: int, *, retryable: bool
) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=status, headers={"Retry-After": "7"})
    found = failure(downloader, httpserver.url_for("/a") + QUERY, into)
    assert (found.status, found.retryable, found.retry_after) == (status, retryable, 7.0)
    assert found.place == "localhost/a"
    assert f"HTTP {status}" in found.reason


def test_a_page_instead_of_a_file_is_fetched_and_left_to_the_probe(
    httpserver: HTTPServer, downloader: Downloader, into: Path
) -> None:
    httpserver.expect_request("/a").respond_with_data("<html>", content_type="text/html")
    assert downloader.fetch(httpserver.url_for("/a"), into).content_type == "text/html"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", r"received 5 bytes, expected 100"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", r"RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", r"RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", r"disconnected|RemoteProtocolError"),
        (b"", r"disconnected|RemoteProtocolError"),
        (b"nonsense\r\n\r\n", r"RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", r"HTTP 200 and no bytes"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", r"HTTP 204 and no bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz", r"damaged gzip"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(CONTENT, mtime=0)[:-9],
            r"ended inside",
        ),
    ],
)
def test_a_body_that_is_not_whole_may_be_whole_next_time(
    downloader: Downloader, into: Path, answer: bytes, reason: str
) -> None:
    with raw_server(answer) as url:
        found = failure(downloader, url + "/a" + QUERY, into)
    assert found.retryable
    assert re.search(reason, found.reason)


def test_a_connection_that_is_reset_may_hold_next_time(downloader: Downloader, into: Path) -> None:
    def reset(connection: socket.socket, _: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with raw_server(reset) as url:
        assert failure(downloader, url, into).retryable


def test_a_host_that_is_away_is_told_apart(downloader: Downloader, into: Path) -> None:
    found = failure(downloader, f"http://127.0.0.1:{free_ports(1)[0]}/a{QUERY}", into)
    assert (found.retryable, found.away) == (True, True)


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "seconds", "reason"),
    [
        (drip(ENDLESS, b"x", 0.02), 0.4, "not done within 0.4 s|timed out"),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", 0.02), 0.4, "not done within|timed out"),
    ],
    ids=["body", "headers"],
)
def test_a_host_that_drips_ends_at_the_deadline(
    into: Path, script: Script, seconds: float, reason: str
) -> None:
    with raw_server(script) as url:
        found = failure(Downloader(ANYWHERE_HERE, total_seconds=seconds), url + "/a" + QUERY, into)
    assert found.retryable
    assert re.search(reason, found.reason)


def test_a_host_that_falls_silent_ends_at_the_read_timeout(into: Path) -> None:
    with raw_server(drip(ENDLESS, b"x", 30)) as url:
        found = failure(Downloader(ANYWHERE_HERE, read_seconds=0.2), url, into)
    assert (found.retryable, "ReadTimeout" in found.reason) == (True, True)


def test_an_endless_body_ends_at_the_size_limit(into: Path) -> None:
    with raw_server(drip(ENDLESS, b"x" * 100_000, 0.0)) as url:
        found = failure(Downloader(ANYWHERE_HERE, max_bytes=1_000_000), url + "/a" + QUERY, into)
    assert not found.retryable
    assert re.search(r"has more bytes \(\d+\) than the limit of 1000000", found.reason)


def test_a_body_announced_as_too_large_is_not_read(httpserver: HTTPServer, into: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(b"x" * 11)
    found = failure(Downloader(ANYWHERE_HERE, max_bytes=10), httpserver.url_for("/a"), into)
    assert (found.retryable, found.reason) == (False, "has more bytes (11) than the limit of 10")


def test_a_body_of_exactly_the_limit_passes(httpserver: HTTPServer, into: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(b"x" * 10)
    assert Downloader(ANYWHERE_HERE, max_bytes=10).fetch(httpserver.url_for("/a"), into).bytes == 10


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZIP "])
def test_gzip_that_was_not_asked_for_is_unpacked(
    httpserver: HTTPServer, downloader: Downloader, into: Path, coding: str
) -> None:
    httpserver.expect_request("/a").respond_with_data(
        gzip.compress(CONTENT), headers={"Content-Encoding": coding}
    )
    assert downloader.fetch(httpserver.url_for("/a"), into).bytes == len(CONTENT)
    assert into.read_bytes() == CONTENT


def test_a_gzip_bomb_ends_at_the_size_limit(httpserver: HTTPServer, into: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(
        gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"}
    )
    found = failure(Downloader(ANYWHERE_HERE, max_bytes=10_000_000), httpserver.url_for("/a"), into)
    assert not found.retryable


def test_another_coding_is_refused(httpserver: HTTPServer, downloader: Downloader, into: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(CONTENT, headers={"Content-Encoding": "br"})
    found = failure(downloader, httpserver.url_for("/a"), into)
    assert (found.retryable, found.reason) == (False, "came with the content coding 'br'")


def test_a_disk_that_refuses_may_take_it_later(
    httpserver: HTTPServer, downloader: Downloader, tmp_path: Path
) -> None:
    httpserver.expect_request("/a").respond_with_data(CONTENT)
    found = failure(downloader, httpserver.url_for("/a") + QUERY, tmp_path / "missing" / "asset")
    assert (found.retryable, "cannot be written to" in found.reason) == (True, True)
