from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.addresses import InvalidPrivateHosts, PrivateHosts, plain, why_not_public


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104 - an address to refuse
        ("10.1.2.3", "private"),
        ("100.64.0.1", "shared by a carrier"),
        ("100.100.100.200", "shared by a carrier"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "a cloud metadata service"),
        ("169.254.169.254", "link-local"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved"),
        ("192.168.1.1", "private"),
        ("198.19.0.1", "reserved for benchmarks"),
        ("203.0.113.9", "reserved for documentation"),
        ("224.0.0.251", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a00:1", "private"),
        ("64:ff9b:1::1", "reserved"),
        ("100::1", "reserved"),
        ("2001::1", "a Teredo tunnel"),
        ("2001:20::1", "reserved"),
        ("2001:db8::1", "reserved for documentation"),
        ("2002:7f00:1::", "a 6to4 tunnel"),
        ("2002:808:808::", "a 6to4 tunnel"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
    ],
)
def test_an_address_that_is_not_public_says_why(text: str, meaning: str) -> None:
    assert why_not_public(ip_address(text)) == meaning


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_a_public_address_has_nothing_against_it(text: str) -> None:
    assert why_not_public(ip_address(text)) is None


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    if not plain(address).is_global or plain(address).is_multicast:
        assert why_not_public(address) is not None


# What ``ipaddress`` takes for global though nobody on the public internet is to be found there.
_BESIDES = [
    ip_network(network)
    for network in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "fec0::/10",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
    )
]


@given(st.ip_addresses())
def test_what_python_calls_global_is_public_but_for_the_known_exceptions(
    address: IPv4Address | IPv6Address,
) -> None:
    inner = plain(address)
    unicast = inner.version == 4 or inner in ip_network("2000::/3")
    listed = any(inner.version == network.version and inner in network for network in _BESIDES)
    public = inner.is_global and not inner.is_multicast and unicast and not listed
    assert (why_not_public(address) is None) == public


@given(st.ip_addresses(v=4), st.integers(min_value=0, max_value=2**80 - 1))
def test_no_6to4_address_is_public_whatever_it_wraps(address: IPv4Address, rest: int) -> None:
    assert why_not_public(IPv6Address((0x2002 << 112) | (int(address) << 80) | rest)) == "a 6to4 tunnel"


@given(st.ip_addresses(v=4))
def test_no_address_wrapped_in_an_old_or_inner_way_is_public(address: IPv4Address) -> None:
    for wrapped in (f"::{address}", f"::ffff:0:{address}", f"64:ff9b:1::{address}"):
        assert why_not_public(ip_address(wrapped)) is not None


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_ipv6_is_judged_as_itself(address: IPv4Address) -> None:
    assert why_not_public(ip_address(f"::ffff:{address}")) == why_not_public(address)
    assert why_not_public(ip_address(f"64:ff9b::{address}")) == why_not_public(address)


HOSTS = PrivateHosts.parse(
    "127.0.0.1:8010, localhost, 10.0.0.0/8, Hooks.Internal., queue:9000, [::1]:80, fd00::5, 192.168.1.9,"
)


@pytest.mark.parametrize(
    ("host", "port", "listed"),
    [
        ("localhost", 1, True),
        ("LOCALHOST.", 1, True),
        ("hooks.internal", 443, True),
        ("more.hooks.internal", 443, False),
        ("queue", 9000, True),
        ("queue", 9001, False),
        ("127.0.0.1", 8010, False),
    ],
)
def test_a_host_is_listed_by_name_and_port(host: str, port: int, *, listed: bool) -> None:
    assert HOSTS.names_host(host, port) == listed


@pytest.mark.parametrize(
    ("address", "port", "listed"),
    [
        ("127.0.0.1", 8010, True),
        ("127.0.0.1", 8011, False),
        ("::ffff:127.0.0.1", 8010, True),
        ("10.200.0.1", 5, True),
        ("11.0.0.1", 5, False),
        ("::1", 80, True),
        ("::1", 81, False),
        ("fd00::5", 7, True),
        ("192.168.1.9", 7, True),
    ],
)
def test_an_address_is_listed_by_network_and_port(address: str, port: int, *, listed: bool) -> None:
    assert HOSTS.holds(ip_address(address), port) == listed


def test_an_empty_list_allows_nothing() -> None:
    assert PrivateHosts.parse(" , ") == PrivateHosts()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("http://localhost", "is a URL"),
        ("10.0.0.1/8", "has host bits set"),
        ("10.0.0.0/40", "is not a network"),
        ("localhost:", "where a port from 1 to 65535 belongs"),
        ("localhost:0", "where a port"),
        ("localhost:65536", "where a port"),
        ("localhost:http", "where a port"),
        ("[localhost]:80", "not an IPv6 address"),
        ("[zz::1]:80", "is not a host name"),
        ("*.internal", "is not a host name"),
        ("two words", "is not a host name"),
        ("127.1", "is a shortened IP address"),
        ("0x7f.1", "is a shortened IP address"),
        ("2130706433", "is a shortened IP address"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_with_what_would_be_right(entry: str, reason: str) -> None:
    with pytest.raises(InvalidPrivateHosts, match=r"give a host, host:port, an IP address") as caught:
        PrivateHosts.parse(f"localhost, {entry}")
    assert reason in str(caught.value)
    assert caught.value.entry == entry


@given(st.ip_addresses(), st.integers(min_value=1, max_value=65_535))
def test_a_listed_address_is_found_again(address: IPv4Address | IPv6Address, port: int) -> None:
    written = f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"
    assert PrivateHosts.parse(written).holds(address, port)
