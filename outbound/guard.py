"""The guard against private networks: which URLs and hosts a request of ours may go to."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

import httpx

from outbound.addresses import Address, PrivateHosts, why_not_public
from outbound.hosts import OTHER_PROTOCOLS, is_inner, literal, why_not_host

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
                self._check(host, port, ip_address(answer), f"resolves to {answer}, which is")
        return answers

    def check_text(self, host: str, port: int) -> None:
        """Raise BlockedAddress for a host or port whose text alone gives it away; nothing is looked up."""
        if self.private_hosts.names_host(host, port):
            return
        address = literal(host)
        if address is not None:
            self._check(host, port, address, "is not a public address: it is")
        elif is_inner(host):
            raise BlockedAddress(host, "is a name for inner networks, where a public one belongs")
        else:
            _check_port(host, port)

    def _check(self, host: str, port: int, address: Address, saying: str) -> None:
        if self.private_hosts.holds(address, port):
            return
        meaning = why_not_public(address)
        if meaning is not None:
            raise BlockedAddress(host, f"{saying} {meaning}")
        _check_port(host, port)


def _check_port(host: str, port: int) -> None:
    if port in OTHER_PROTOCOLS:
        raise BlockedAddress(host, f"has the port {port}, which belongs to another protocol than HTTP")


def read_url(url: str, schemes: Sequence[str] = SCHEMES) -> httpx.URL:
    """``url`` parsed; raises BlockedAddress for one that could not be requested as it stands."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise BlockedAddress("the URL", "is not a valid URL") from None
    reason = _why_not(parsed, schemes)
    if reason is not None:
        raise BlockedAddress(parsed.host or "the URL", reason)
    return parsed


def _why_not(parsed: httpx.URL, schemes: Sequence[str]) -> str | None:
    if parsed.scheme not in schemes:
        return f"has the scheme {parsed.scheme!r} where {' or '.join(schemes)} is allowed"
    if not parsed.host:
        return "names no host"
    if parsed.userinfo:
        return "comes with a user name or password, which is not allowed"
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        return f"has the port {parsed.port} where one from 1 to {_MAX_PORT} belongs"
    return why_not_host(parsed.raw_host.decode("ascii"))


def check_url(
    url: str,
    private_hosts: PrivateHosts,
    *,
    schemes: Sequence[str] = SCHEMES,
    resolver: Resolver = resolve,
) -> None:
    """Raise BlockedAddress for a URL that must not be requested.

    A public name that cannot be resolved passes: no address is no danger, the name may exist later, and every
    connection is checked again.
    """
    host, port = _place(url, schemes)
    guard = Guard(private_hosts, resolver)
    try:
        guard.addresses(host, port, _LOOK_UP_SECONDS)
    except OSError:
        guard.check_text(host, port)


def check_reference(url: str, private_hosts: PrivateHosts) -> None:
    """Raise BlockedAddress for a URL that no provider may be handed to fetch.

    Nothing is looked up: Darkroom itself does not go there, and a provider's resolver answers for the
    provider's network. It is for what gives itself away: a private address, or a name for inner networks.
    """
    host, port = _place(url, SCHEMES)
    Guard(private_hosts).check_text(host, port)


def _place(url: str, schemes: Sequence[str]) -> tuple[str, int]:
    parsed = read_url(url, schemes)
    return parsed.raw_host.decode("ascii"), parsed.port or DEFAULT_PORTS[parsed.scheme]
