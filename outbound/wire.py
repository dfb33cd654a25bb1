"""The wire to a provider: one request, one reply, and the few ways in which a call can fail."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

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


# Everything that httpx can raise for one call, by what it proves. A pool timeout is ours: nothing was sent.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)


def translate(error: httpx.HTTPError | httpx.InvalidURL) -> WireError:
    """What an httpx error proves about the request: never sent, or perhaps received."""
    kind = NotSent if isinstance(error, _NOT_SENT) else NoReply
    return kind(f"{type(error).__name__}: {error}".removesuffix(": "))


class HttpxWire:
    """The synchronous wire on httpx: no redirects, no retries.

    Connections are not kept: one that the provider closed while it was idle would make the next call's
    outcome unknown, which costs far more than a handshake.
    """

    def __init__(self, *, pool: int = 16) -> None:
        limits = httpx.Limits(max_connections=pool, max_keepalive_connections=0)
        self._client = httpx.Client(limits=limits, follow_redirects=False, trust_env=False)

    def call(self, request: Request, *, timeout: float) -> Reply:
        """Send ``request`` once; raises NotSent or NoReply."""
        limits = httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))
        deadline = time.monotonic() + timeout
        try:
            with self._client.stream(
                request.method,
                request.url,
                headers=dict(request.headers) | json_type(request),
                content=request.json,
                timeout=limits,
            ) as response:
                body = _within(deadline, response.iter_bytes())
                return Reply(response.status_code, lower_names(response.headers), body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise translate(error) from error

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


def _within(deadline: float, chunks: Iterable[bytes]) -> bytes:
    """The body, unless it drips in for longer than the call may take."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise NoReply(f"the answer is larger than {MAX_REPLY_BYTES} bytes")
        if time.monotonic() > deadline:
            raise NoReply("the answer did not end in time")
    return bytes(body)


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def json_type(request: Request) -> dict[str, str]:
    """The header that a body needs."""
    return {} if request.json is None else {"Content-Type": "application/json"}
