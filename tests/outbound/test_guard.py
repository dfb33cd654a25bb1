import socket
from collections.abc import Sequence
from ipaddress import ip_address
from threading import Event

import pytest

from outbound.addresses import PrivateHosts
from outbound.guard import BlockedAddress, Guard, check_url, resolve

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
