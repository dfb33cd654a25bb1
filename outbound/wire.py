"""The wire to a provider: one request, one reply, and the few ways in which a call can fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

CONNECT_SECONDS: Final = 5.0
MAX_REPLY_BYTES: Final = 64 * 1024 * 1024


class WireError(Exception):
    """A call that brought no reply.

    WireError
    ├── NotSent        nothing reached the provider: no address, no connection, no TLS
    └── NoReply        the request may have arrived: reset, timeout or a broken reply
    """


class NotSent(WireError):  # noqa: N818 - names the fact that decides
    """No connection was made, so the provider has not seen the request."""


class NoReply(WireError):  # noqa: N818 - names the fact that decides
    """The request may have been received and acted on; the answer was lost, late or unreadable."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``headers`` hold the provider's key, so it has no repr of them."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success


class Wire(Protocol):
    """A synchronous wire: one call puts exactly one request on the network."""

    def call(self, request: Request, *, timeout: float) -> Reply:
        """Send ``request`` once; raises NotSent or NoReply."""
        ...


class AsyncWire(Protocol):
    """The same for the watcher, which has thousands of calls open."""

    async def call(self, request: Request, *, timeout: float) -> Reply:  # noqa: ASYNC109 - part of each call
        """Send ``request`` once; raises NotSent or NoReply."""
        ...


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def json_type(request: Request) -> dict[str, str]:
    """The header that a body needs."""
    return {} if request.json is None else {"Content-Type": "application/json"}
