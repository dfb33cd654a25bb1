"""What the host of a URL may be, judged by its text alone: nothing is looked up."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
# Where a URL's host ends so, a browser reads it as an IPv4 address or not at all (WHATWG URL, host parsing).
_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.*$")

# Top-level names that are kept for inner networks: RFC 6761, RFC 6762 with its appendix G, RFC 8375, and
# ICANN's choice of ``internal``, under which clouds name their metadata services.
_INNER: Final = frozenset(
    {"localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa"}
)

# Ports of protocols that an HTTP request could be mistaken for: the "bad ports" of the Fetch standard.
OTHER_PROTOCOLS: Final = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104}
    | {109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514}
    | {515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723}
    | {2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)


def is_name(host: str) -> bool:
    """Whether ``host``, in lower case and without a dot at its end, can be a name of the DNS."""
    return bool(_NAME.fullmatch(host)) and not ends_in_number(host)


def ends_in_number(host: str) -> bool:
    """Whether every reader takes ``host`` for an IPv4 address, however it is spelled, or for nothing."""
    return bool(_NUMBER.search(host))


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that ``host`` is, in its plain spelling; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def why_not_host(host: str) -> str | None:
    """What is wrong with ``host`` (in ASCII, without brackets) as a URL's host, in words; None if nothing.

    An address has one spelling here: those in decimal, octal, hexadecimal or fewer parts are read differently
    by different programs, and so would be checked as one address and requested as another.
    """
    if "%" not in host and literal(host) is not None:
        return None
    if ends_in_number(host):
        return "is not an IP address as it is usually written, such as 93.184.216.34"
    if not is_name(host.removesuffix(".")):
        return "is not a host name"
    return None


def is_inner(name: str) -> bool:
    """Whether ``name`` can only be meant for an inner network: it is reserved for that, or has no dot."""
    labels = name.lower().rstrip(".").split(".")
    return len(labels) == 1 or not _INNER.isdisjoint({labels[-1], ".".join(labels[-2:])})
