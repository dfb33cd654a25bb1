"""Which IP addresses are public, and which private ones an operator has allowed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

from outbound.hosts import ends_in_number, is_name

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Every range of the IANA special-purpose registries that must not be reached from outside, by what it is.
# Spelled out instead of ``is_global``, whose answer for several of these differs between Python releases.
_NOT_PUBLIC: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), meaning)
    for network, meaning in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud metadata service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved for documentation"),
        ("192.31.196.0/24", "reserved"),
        ("192.52.193.0/24", "reserved"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),
        ("198.18.0.0/15", "reserved for benchmarks"),
        ("198.51.100.0/24", "reserved for documentation"),
        ("203.0.113.0/24", "reserved for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "reserved for documentation"),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_MAX_PORT: Final = 65_535


def plain(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or NAT64 one, which is where a connection really goes."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def why_not_public(address: Address) -> str | None:
    """What keeps ``address`` from being a public unicast address, in words; None for a public one."""
    address = plain(address)
    for network, meaning in _NOT_PUBLIC:
        if address.version == network.version and address in network:
            return meaning
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None


class InvalidPrivateHosts(ValueError):  # noqa: N818 - names the setting
    """An entry of the list of private hosts that cannot be read."""

    def __init__(self, entry: str, reason: str) -> None:
        super().__init__(
            f"private hosts: {entry!r} {reason}; give a host, host:port, an IP address, IP:port "
            "([IPv6]:port) or a network such as 10.0.0.0/8"
        )
        self.entry = entry


@dataclass(frozen=True, slots=True)
class PrivateHosts:
    """Hosts and networks that may be reached although they are private; empty in production.

    A name is trusted with whatever it resolves to. A port of None means every port.
    """

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: frozenset[tuple[Network, int | None]] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a comma-separated list; raises InvalidPrivateHosts naming the entry that is wrong."""
        return cls.of(entry for part in text.split(",") if (entry := part.strip()))

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """The same from separate entries."""
        names: set[tuple[str, int | None]] = set()
        networks: set[tuple[Network, int | None]] = set()
        for entry in entries:
            host, port = _entry(entry)
            if isinstance(host, str):
                names.add((host, port))
            else:
                networks.add((host, port))
        return cls(frozenset(names), frozenset(networks))

    def names_host(self, host: str, port: int) -> bool:
        """Whether ``host`` itself is listed, for every port or for this one."""
        name = host.lower().rstrip(".")
        return (name, None) in self.names or (name, port) in self.names

    def holds(self, address: Address, port: int) -> bool:
        """Whether ``address`` lies in a listed network."""
        address = plain(address)
        return any(
            address.version == network.version and address in network and allowed in {None, port}
            for network, allowed in self.networks
        )


def _entry(entry: str) -> tuple[Network | str, int | None]:
    if "://" in entry:
        raise InvalidPrivateHosts(entry, "is a URL")
    if "/" in entry:
        return _network(entry), None
    host, port = _split_port(entry)
    try:
        return ip_network(plain(ip_address(host))), port
    except ValueError:
        return _name(entry, host), port


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise InvalidPrivateHosts(entry, f"is not a network ({error})") from error


def _split_port(entry: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", entry)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
        if ":" not in host:
            raise InvalidPrivateHosts(entry, "has brackets around something that is not an IPv6 address")
    elif entry.count(":") == 1:
        host, port = entry.split(":")
    else:
        host, port = entry, None
    return host, None if port is None else _port(entry, port)


def _port(entry: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_PORT):
        raise InvalidPrivateHosts(entry, f"has {text!r} where a port from 1 to {_MAX_PORT} belongs")
    return int(text)


def _name(entry: str, host: str) -> str:
    name = host.lower().rstrip(".")
    if ends_in_number(name):
        raise InvalidPrivateHosts(entry, "is a shortened IP address")
    if not is_name(name):
        raise InvalidPrivateHosts(entry, "is not a host name")
    return name
