from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from outbound.addresses import PrivateHosts
from outbound.download import AssetRefused, Downloader
from tests.outbound.fetching import CONTENT, QUERY, failure
from tests.outbound.test_guard import LOOPBACK_SPELLINGS
from tests.support.raw_server import raw_server


def redirect(server: HTTPServer, start: str, location: str, status: int = 302) -> None:
    server.expect_request(start).respond_with_data("", status=status, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(
    httpserver: HTTPServer, downloader: Downloader, into: Path, status: int
) -> None:
    for step in range(5):
        redirect(httpserver, f"/{step}", f"/{step + 1}?Signature=SECRET", status)
    httpserver.expect_request("/5").respond_with_data(CONTENT)
    assert downloader.fetch(httpserver.url_for("/0"), into).bytes == len(CONTENT)


def test_a_sixth_redirect_is_one_too_many(httpserver: HTTPServer, downloader: Downloader, into: Path) -> None:
    redirect(httpserver, "/a", "/a" + QUERY)
    found = failure(downloader, httpserver.url_for("/a"), into)
    assert (found.retryable, found.reason) == (False, "redirected more than 5 times")
    assert len(httpserver.log) == 6


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "//10.0.0.1/a",
    ]
    + [f"http://{host}:%PORT%/inside" for host in LOOPBACK_SPELLINGS]
    + [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "http://user:SECRET@8.8.8.8/",
        "http://:x/",
        "http://[::1/",
    ],
)
def test_a_redirect_to_a_private_place_is_refused(into: Path, httpserver: HTTPServer, target: str) -> None:
    """Every hop is checked again; only the trusted origin itself may be private."""
    httpserver.expect_request("/inside").respond_with_data("reached")
    with raw_server(location(target.replace("%PORT%", str(httpserver.port)) + QUERY)) as url:
        found = failure(Downloader(PrivateHosts(), trusted_origins=[url]), url + "/a" + QUERY, into)
    assert isinstance(found, AssetRefused)
    assert not found.retryable
    assert httpserver.log == []


def location(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_private_link_is_refused_before_anything_is_sent(httpserver: HTTPServer, into: Path) -> None:
    found = failure(Downloader(PrivateHosts()), httpserver.url_for("/a") + QUERY, into)
    assert isinstance(found, AssetRefused)
    assert httpserver.log == []


@pytest.mark.parametrize("url", ["http://:x/?SECRET", "not a url", "ftp://example.com/a?SECRET", ""])
def test_a_link_that_is_no_link_is_refused(downloader: Downloader, into: Path, url: str) -> None:
    assert isinstance(failure(downloader, url, into), AssetRefused)


def test_the_emulator_of_a_provider_is_trusted_by_its_origin(httpserver: HTTPServer, into: Path) -> None:
    httpserver.expect_request("/a").respond_with_data(CONTENT)
    trusting = Downloader(PrivateHosts(), trusted_origins=[httpserver.url_for("/api/v1")])
    assert trusting.fetch(httpserver.url_for("/a"), into).bytes == len(CONTENT)
    found = failure(trusting, httpserver.url_for("/a").replace("localhost", "127.0.0.1"), into)
    assert isinstance(found, AssetRefused)
