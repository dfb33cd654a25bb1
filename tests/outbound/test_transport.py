import ssl
from collections.abc import Sequence
from pathlib import Path

import httpcore
import httpx
import pytest
from pytest_httpserver import HTTPServer

from outbound.addresses import PrivateHosts
from outbound.deadline import Deadline
from outbound.guard import BlockedAddress, Guard
from outbound.transport import TRANSLATED, GuardedTransport, origin
from tests.support.raw_server import drip, raw_server, silence
from tests.support.seaweed import free_ports

NONE = PrivateHosts()


class Rebinding:
    """A name that answers a public address first and loopback ever after, and counts the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        assert seconds <= 60
        self.asked.append(f"{host}:{port}")
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def client(guard: Guard, seconds: float = 60.0, **options: object) -> httpx.Client:
    transport = GuardedTransport(guard, Deadline(seconds), **options)  # type: ignore[arg-type]
    return httpx.Client(transport=transport, trust_env=False, timeout=60)


def test_a_private_host_is_not_connected_to(httpserver: HTTPServer) -> None:
    with client(Guard(NONE)) as http, pytest.raises(BlockedAddress, match="which is loopback"):
        http.get(httpserver.url_for("/"))
    assert httpserver.log == []


def test_the_connection_goes_to_the_address_that_was_checked(
    httpserver: HTTPServer, loopback: PrivateHosts
) -> None:
    httpserver.expect_request("/a").respond_with_data("reached")
    names = Rebinding(["127.0.0.1"], ["10.0.0.1"])
    url = f"http://rebinding.example:{httpserver.port}/a"
    with client(Guard(loopback, names)) as http:
        assert http.get(url).text == "reached"
    assert names.asked == [f"rebinding.example:{httpserver.port}"]
    assert httpserver.log[0][0].headers["Host"] == f"rebinding.example:{httpserver.port}"


def test_a_name_that_turns_private_after_its_check_is_stopped_when_connecting(httpserver: HTTPServer) -> None:
    names = Rebinding(["93.184.216.34"], ["127.0.0.1"])
    guard = Guard(NONE, names)
    assert guard.addresses("rebinding.example", httpserver.port, 1.0) == ["93.184.216.34"]
    with client(guard) as http, pytest.raises(BlockedAddress, match=r"resolves to 127\.0\.0\.1"):
        http.get(f"http://rebinding.example:{httpserver.port}/")
    assert httpserver.log == []


def test_one_private_address_among_public_ones_stops_the_connection(httpserver: HTTPServer) -> None:
    guard = Guard(NONE, Rebinding(["93.184.216.34", "127.0.0.1"]))
    with client(guard) as http, pytest.raises(BlockedAddress):
        http.get(f"http://mixed.example:{httpserver.port}/")


def test_the_next_address_is_tried_when_one_does_not_answer(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("second")
    guard = Guard(PrivateHosts.parse("127.0.0.0/8, ::1"), Rebinding(["::1", "127.0.0.1"]))
    with client(guard) as http:
        assert http.get(f"http://two.example:{httpserver.port}/").text == "second"


def test_a_trusted_origin_may_be_private_and_another_port_of_it_may_not(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("trusted")
    trusted = frozenset({origin(httpx.URL(httpserver.url_for("/")))})
    with client(Guard(NONE), trusted=trusted) as http:
        assert http.get(httpserver.url_for("/")).text == "trusted"
        with pytest.raises(BlockedAddress):
            http.get("http://127.0.0.1:9/")
        with pytest.raises(BlockedAddress):
            http.get(httpserver.url_for("/").replace("http:", "https:"))


def test_a_redirect_is_handed_back(httpserver: HTTPServer, loopback: PrivateHosts) -> None:
    httpserver.expect_request("/").respond_with_data("", status=302, headers={"Location": "/next"})
    with client(Guard(loopback)) as http:
        assert http.get(httpserver.url_for("/")).status_code == 302


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ([], httpx.ConnectError),
        (OSError("no such name"), httpx.ConnectError),
        (TimeoutError("the resolver is silent"), httpx.ConnectTimeout),
    ],
)
def test_a_name_without_an_address_is_a_connect_error(
    answer: Sequence[str] | OSError, error: type[httpx.TransportError]
) -> None:
    def names(*_: object) -> Sequence[str]:
        if isinstance(answer, OSError):
            raise answer
        return answer

    with client(Guard(NONE, names)) as http, pytest.raises(error):
        http.get("http://nowhere.example/")


def test_a_refused_connection_is_a_connect_error(loopback: PrivateHosts) -> None:
    with client(Guard(loopback)) as http, pytest.raises(httpx.ConnectError):
        http.get(f"http://127.0.0.1:{free_ports(1)[0]}/")


def test_headers_that_drip_in_end_at_the_deadline(loopback: PrivateHosts) -> None:
    with (
        raw_server(drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n", 0.05)) as url,
        client(Guard(loopback), seconds=0.5) as http,
        pytest.raises(httpx.ReadTimeout),
    ):
        http.get(url)


def test_a_request_that_nobody_reads_ends_at_the_deadline(loopback: PrivateHosts) -> None:
    with (
        raw_server(silence, reads=False) as url,
        client(Guard(loopback), seconds=0.5) as http,
        pytest.raises(httpx.WriteTimeout),
    ):
        http.post(url, content=b"x" * 64 * 1024 * 1024)


def test_every_error_of_httpcore_has_its_httpx_counterpart() -> None:
    internal = {httpcore.ConnectionNotAvailable}
    errors = {
        found
        for name in httpcore.__all__
        if isinstance(found := getattr(httpcore, name), type) and issubclass(found, Exception)
    }
    assert set(TRANSLATED) == errors - internal
    assert all(ours.__name__ == theirs.__name__ for theirs, ours in TRANSLATED.items())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.com/a?b", ("https", "example.com", 443)),
        ("http://example.com", ("http", "example.com", 80)),
        ("http://[::1]:8010/", ("http", "::1", 8010)),
    ],
)
def test_an_origin_always_has_its_port(url: str, expected: tuple[str, str, int]) -> None:
    assert origin(httpx.URL(url)) == expected


def test_tls_is_spoken_with_the_name_of_the_url(
    tls_server: tuple[HTTPServer, list[str | None]], certificate: Path, loopback: PrivateHosts
) -> None:
    server, asked = tls_server
    server.expect_request("/").respond_with_data("secure")
    guard = Guard(loopback, Rebinding(["127.0.0.1"]))
    trusting = ssl.create_default_context(cafile=str(certificate))
    with client(guard, ssl_context=trusting) as http:
        assert http.get(f"https://media.example:{server.port}/").text == "secure"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            http.get(f"https://other.example:{server.port}/")
    assert asked == ["media.example", "other.example"]
