"""The guard against private networks: which URLs and hosts a request of ours may go to."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

import httpx

from outbound.addresses import PrivateHosts, why_not_public

# (host, port, seconds to wait) -> addresses in text; raises OSError when there are none.
Resolver = Callable[[str, int, float], Sequence[str]]

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
SCHEMES: Final = ("https", "http")
_LOOK_UP_SECONDS: Final = 5.0
_MAX_PORT: Final = 65_535


class BlockedAddress(Exception):  # noqa: N818 - names the fact
    """A URL or host that must not be requested; ``reason`` continues the sentence that ``host`` begins."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host} {reason}")
        self.host = host
        self.reason = reason


def resolve(host: str, port: int, seconds: float) -> Sequence[str]:
    """Every address of ``host`` by the system's resolver; raises OSError, TimeoutError after ``seconds``.

    The look-up runs in a thread of its own because ``getaddrinfo`` knows no timeout. It also reads the
    decimal, octal, hexadecimal and shortened spellings of an address, so those are checked as what they are.
    """
    answers: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()
    Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"{host} was not resolved within {seconds:.1f} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: SimpleQueue[Sequence[str] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        answers.put(error)
    except ValueError:
        answers.put(OSError(f"{host} is not a host name"))
    else:
        answers.put([str(address[0]) for *_, address in found])


@dataclass(frozen=True, slots=True)
class Guard:
    """Resolves hosts and lets none through that has an address on a private network."""

    private_hosts: PrivateHosts
    resolver: Resolver = resolve

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The addresses of ``host``, every one allowed; raises BlockedAddress, or OSError as the resolver."""
        answers = self.resolver(host, port, seconds)
        if not self.private_hosts.names_host(host, port):
            for answer in answers:
                self._check(host, port, answer)
        return answers

    def _check(self, host: str, port: int, answer: str) -> None:
        address = ip_address(answer)
        meaning = why_not_public(address)
        if meaning is not None and not self.private_hosts.holds(address, port):
            raise BlockedAddress(host, f"resolves to {answer}, which is {meaning}")


def read_url(url: str, schemes: Sequence[str] = SCHEMES) -> httpx.URL:
    """``url`` parsed; raises BlockedAddress for one that could not be requested as it stands."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise BlockedAddress("the URL", "is not a valid URL") from None
    host = parsed.host or "the URL"
    if parsed.scheme not in schemes:
        raise BlockedAddress(
            host, f"has the scheme {parsed.scheme!r} where {' or '.join(schemes)} is allowed"
        )
    if not parsed.host:
        raise BlockedAddress(host, "names no host")
    if "%" in host:
        raise BlockedAddress(host, "is not a host name")
    if parsed.userinfo:
        raise BlockedAddress(host, "comes with a user name or password, which is not allowed")
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        raise BlockedAddress(host, f"has the port {parsed.port} where one from 1 to {_MAX_PORT} belongs")
    return parsed


def check_url(
    url: str,
    private_hosts: PrivateHosts,
    *,
    schemes: Sequence[str] = SCHEMES,
    resolver: Resolver = resolve,
) -> None:
    """Raise BlockedAddress for a URL that must not be requested.

    A host that cannot be resolved passes: no address is no danger, the name may exist later, and every
    connection is checked again.
    """
    parsed = read_url(url, schemes)
    host = parsed.raw_host.decode("ascii")
    port = parsed.port or DEFAULT_PORTS[parsed.scheme]
    with suppress(OSError):
        Guard(private_hosts, resolver).addresses(host, port, _LOOK_UP_SECONDS)
