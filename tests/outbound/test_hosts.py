"""Hosts judged by their text: one spelling for an address, names of the DNS, names of inner networks."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.hosts import is_inner, is_name, literal, why_not_host

ODD = "is not an IP address as it is usually written"


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "127.65535",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.0x1",
        "127.0.0.1.",
        "127.0.0.1..",
        "0",
        "0x",
        "4294967296",
        "256.1.1.1",
        "1.2.3.4.5",
        "good.example.127",
    ],
)
def test_what_ends_in_a_number_and_is_no_plain_address_is_refused(host: str) -> None:
    assert str(why_not_host(host)).startswith(ODD)


@pytest.mark.parametrize(
    "host",
    [
        "a..b",
        "a..",
        ".a",
        ".",
        "-a.example",
        "a-.example",
        "*.example",
        "a,b.example",
        "a;b.example",
        "127.0.0.1\\.good.example",
        "a%00.example",
        "%6c%6f.example",
        "::1%25lo",
        "fe80::1%eth0",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "a\n",
        "a.example\n",
    ],
)
def test_what_is_no_host_name_is_refused(host: str) -> None:
    assert why_not_host(host) == "is not a host name"


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a.example",
        "a.example.",
        "xn--bcher-kva.example",
        "my_bucket.s3.example",
        "3com.example",
        "1.a",
        "a--b.c",
    ],
)
def test_names_of_the_dns_pass(host: str) -> None:
    assert why_not_host(host) is None


@given(st.ip_addresses())
def test_every_address_has_one_spelling_that_passes(address: IPv4Address | IPv6Address) -> None:
    assert why_not_host(str(address)) is None
    assert literal(str(address)) == address


def spelled(address: IPv4Address, parts: int, radixes: list[str]) -> str:
    """``address`` in so many parts, the last of which takes all bytes that are left."""
    value = int(address)
    shift = 8 * (5 - parts)
    heads = [value >> 24 - 8 * number & 0xFF for number in range(parts - 1)]
    numbers = [*heads, value & (1 << shift) - 1]
    return ".".join(format(number, radix) for number, radix in zip(numbers, radixes, strict=False))


@given(
    st.ip_addresses(v=4),
    st.integers(min_value=1, max_value=4),
    st.lists(st.sampled_from(["d", "#x"]), min_size=4, max_size=4),
    st.sampled_from(["", ".", ".."]),
)
def test_no_address_passes_in_another_spelling(
    address: IPv4Address, parts: int, radixes: list[str], dots: str
) -> None:
    host = spelled(address, parts, radixes) + dots
    assert (why_not_host(host) is None) == (host == str(address))


@given(st.ip_addresses(v=4))
def test_no_address_passes_in_octal(address: IPv4Address) -> None:
    host = ".".join(f"0{part:o}" for part in address.packed)
    assert str(why_not_host(host)).startswith(ODD)
    assert not is_name(host)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "ip6-localhost",
        "redis",
        "metadata.google.internal",
        "metadata.google.internal.",
        "db.svc.cluster.local",
        "router.home.arpa",
        "wiki.corp",
    ],
)
def test_names_of_inner_networks_are_known(name: str) -> None:
    assert is_inner(name)


@pytest.mark.parametrize(
    "name", ["example.com", "internal.example.com", "localhost.example", "arpa.net", "in-addr.arpa"]
)
def test_public_names_are_not_taken_for_inner_ones(name: str) -> None:
    assert not is_inner(name)


@pytest.mark.parametrize("text", ["a.example", "127.1", "", "[::1]", "1.2.3.4:80"])
def test_a_name_is_no_address(text: str) -> None:
    assert literal(text) is None


def test_an_address_in_ipv6_is_read_as_such() -> None:
    assert literal("::ffff:127.0.0.1") == ip_address("::ffff:7f00:1")
