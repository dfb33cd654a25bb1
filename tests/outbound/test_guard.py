import socket
from collections.abc import Sequence
from ipaddress import ip_address
from threading import Event

import pytest

from outbound.addresses import PrivateHosts
from outbound.guard import BlockedAddress, Guard, check_reference, check_url, resolve

NONE = PrivateHosts()
LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "[::ffff:127.0.0.1]",
    "2130706433",
    "0x7f.1",
    "127.1",
    "[::1]",
    "0177.0.0.1",
    "017700000001",
    "LOCALHOST",
    "[::]",
    "%31%32%37.0.0.1",
    "127.0.0.1.",
    "127\u30020\u30020\u30021",
    "\uff11\uff12\uff17.0.0.1",
    "[::1%25lo]",
    "127.0.0.1\\.good.example",
]


class Names:
    """A resolver of made-up names that keeps what it was asked."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self._answers:
            raise OSError(f"no such name within {seconds} s")
        return self._answers[host]


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_loopback_is_blocked_however_it_is_spelled(scheme: str, host: str) -> None:
    with pytest.raises(BlockedAddress):
        check_url(f"{scheme}://{host}:8010/hook", NONE)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://[64:ff9b::7f00:1]/",
    ],
)
def test_private_networks_are_blocked(url: str) -> None:
    with pytest.raises(BlockedAddress, match=r"resolves to .*, which is"):
        check_url(url, NONE)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/a", "has the scheme 'ftp' where https or http is allowed"),
        ("file:///etc/passwd", "has the scheme 'file'"),
        ("gopher://127.0.0.1/", "has the scheme 'gopher'"),
        ("//example.com/a", "has the scheme ''"),
        ("nothing", "has the scheme ''"),
        ("", "has the scheme ''"),
        ("https:///path", "names no host"),
        ("https://user@example.com/", "user name or password"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://example.com:0/", "has the port 0 where one from 1 to 65535 belongs"),
        ("https://example.com:99999/", "has the port 99999"),
        ("https://example.com:x/", "is not a valid URL"),
        ("https://a b/", "is not a host name"),
        ("https://exa\nmple.com/", "is not a valid URL"),
        ("https://exa\r\nmple.com/", "is not a valid URL"),
        ("https://example.com\\@127.0.0.1/", "user name or password"),
        ("https://127.0.0.1\\.example.com/", "is not a host name"),
        ("https://example.com:443:80/", "is not a valid URL"),
        ("https://example.com:25/", "has the port 25, which belongs to another protocol than HTTP"),
        ("https://4294967296/", "is not an IP address as it is usually written"),
    ],
)
def test_a_url_that_cannot_be_requested_is_blocked_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(BlockedAddress, match=reason) as caught:
        check_url(url, NONE, resolver=Names(**{"example.com": ["8.8.8.8"]}))
    assert "secret" not in str(caught.value)


def test_only_the_schemes_that_are_asked_for_pass() -> None:
    names = Names(**{"example.com": ["8.8.8.8"]})
    check_url("http://example.com", NONE, resolver=names)
    with pytest.raises(BlockedAddress, match="where https is allowed"):
        check_url("http://example.com", NONE, schemes=("https",), resolver=names)


def test_every_address_of_a_name_has_to_be_public() -> None:
    names = Names(both=["8.8.8.8", "10.0.0.1"], public=["8.8.8.8", "2606:4700::1111"])
    check_url("https://public/", NONE, resolver=names)
    with pytest.raises(BlockedAddress) as caught:
        check_url("https://both/", NONE, resolver=names)
    assert (caught.value.host, caught.value.reason) == ("both", "resolves to 10.0.0.1, which is private")


def test_a_name_that_does_not_exist_yet_passes() -> None:
    check_url("https://later.example/", NONE, resolver=Names())


def test_the_port_of_the_scheme_is_used_where_none_is_given() -> None:
    names = Names(hooks=["10.0.0.1"])
    check_url("https://hooks/", PrivateHosts.parse("hooks:443"), resolver=names)
    check_url("http://hooks/", PrivateHosts.parse("10.0.0.1:80"), resolver=names)
    assert names.asked == [("hooks", 443), ("hooks", 80)]
    with pytest.raises(BlockedAddress):
        check_url("http://hooks/", PrivateHosts.parse("hooks:443"), resolver=names)


@pytest.mark.parametrize("allowed", ["localhost", "127.0.0.1:8010, [::1]:8010", "127.0.0.0/8, ::1"])
def test_an_exception_lets_a_private_host_through(allowed: str) -> None:
    check_url("http://localhost:8010/hook", PrivateHosts.parse(allowed))


def test_a_guard_hands_out_what_it_has_checked() -> None:
    assert Guard(NONE, Names(a=["8.8.8.8", "1.1.1.1"])).addresses("a", 443, 1.0) == ["8.8.8.8", "1.1.1.1"]


def test_the_system_resolver_reads_every_spelling() -> None:
    assert {str(ip_address(found)) for found in resolve("0x7f.1", 80, 5.0)} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "printer.local", "redis", "a.localhost", "localhost."]
)
def test_a_name_for_inner_networks_is_blocked_even_where_it_is_not_known(host: str) -> None:
    """It may be known where callbacks are sent from; the operator may name it all the same."""
    with pytest.raises(BlockedAddress, match="is a name for inner networks"):
        check_url(f"http://{host}/", NONE, resolver=Names())
    check_url(f"http://{host}/", PrivateHosts.parse(f"{host}:80"), resolver=Names())


def test_an_inner_name_passes_by_the_network_that_it_lies_in() -> None:
    names = Names(**{"hooks.internal": ["10.0.0.1"]})
    check_url("http://hooks.internal/", PrivateHosts.parse("10.0.0.0/8"), resolver=names)


def test_an_address_is_judged_by_its_text_where_the_resolver_fails() -> None:
    with pytest.raises(BlockedAddress, match="is not a public address: it is loopback"):
        check_url("http://[::ffff:127.0.0.1]/", NONE, resolver=Names())
    check_url("http://127.0.0.1/", PrivateHosts.parse("127.0.0.1"), resolver=Names())


@pytest.mark.parametrize("url", ["http://later.example:9000/", "http://later.example:8443/"])
def test_ports_of_web_services_are_not_only_the_usual_ones(url: str) -> None:
    check_url(url, NONE, resolver=Names())


@pytest.mark.parametrize("url", ["http://8.8.8.8:22/", "http://later.example:22/"])
def test_a_port_of_another_protocol_is_blocked_but_where_the_operator_allows_the_host(url: str) -> None:
    names = Names(**{"8.8.8.8": ["8.8.8.8"]})
    with pytest.raises(BlockedAddress, match="has the port 22"):
        check_url(url, NONE, resolver=names)
    check_url(url, PrivateHosts.parse("8.8.8.8:22, later.example"), resolver=names)


@pytest.mark.parametrize("host", [*LOOPBACK_SPELLINGS, "10.0.0.1", "metadata.google.internal", "[fe80::1]"])
def test_a_reference_into_a_private_network_is_blocked_without_a_look_up(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(BlockedAddress):
        check_reference(f"https://{host}/a.png", NONE)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/1.png",
        "http://93.184.216.34/",
        "https://[2606:4700::1111]:8443/",
        "https://bücher.de/",
    ],
)
def test_a_public_reference_passes_without_a_look_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    check_reference(url, NONE)


@pytest.mark.parametrize("host", ["x" * 64 + ".ä", "no.such.name.invalid"])
def test_a_name_that_cannot_be_resolved_is_an_os_error(host: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        resolve(host, 80, 30.0)


def test_a_resolver_that_does_not_answer_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    with pytest.raises(TimeoutError, match=r"slow\.example was not resolved within 0\.0 s"):
        resolve("slow.example", 80, 0.01)
    over.set()
