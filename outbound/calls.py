"""Connections for callbacks on an event loop: to checked addresses only, kept for some seconds."""

import asyncio
import ssl
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpcore
import httpx

from outbound.guard import Guard
from outbound.hosts import literal
from outbound.transport import Origin, default_ssl_context, origin

# Shorter than what receivers are set to: many close what has rested for two seconds, or for five.
_KEPT_SECONDS: Final = 1.5
# A receiver may close after an answer without having said so; by then that is known here.
_REST_SECONDS: Final = 0.05
_KEPT_AT_HOST: Final = 32
# A resolver that hangs holds a thread: as many as there can be requests, so that none waits for another.
_NAMES: Final = ThreadPoolExecutor(768, "names")


@dataclass(frozen=True, slots=True)
class _Resting:
    """A connection with nothing on it ``since`` then."""

    connection: httpcore.AsyncHTTPConnection
    since: float


class Calls:
    """Sends requests; a connection stays at the address that was checked when it was made.

    A name is resolved within ``seconds``. Redirects are handed back, never followed. Belongs to one event
    loop.
    """

    def __init__(
        self,
        guard: Guard,
        seconds: float,
        *,
        rest_seconds: float = _REST_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._seconds = seconds
        self._tls = ssl_context
        self._rest_seconds = rest_seconds
        self._kept: dict[Origin, deque[_Resting]] = defaultdict(deque)

    @asynccontextmanager
    async def exchange(self, request: httpx.Request, content: bytes) -> AsyncIterator[httpcore.Response]:
        """One request and its response, unread; raises BlockedAddress besides what httpcore raises.

        It is sent once: what breaks off on a kept connection may have arrived.
        """
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=content,
        )
        where = origin(request.url)
        connection, response = await self._send(where, sent)
        try:
            yield response
        finally:
            await response.aclose()
            await self._keep(where, connection)

    async def close(self) -> None:
        """Close what is kept."""
        kept = [one for resting in self._kept.values() for one in resting]
        self._kept.clear()
        for one in kept:
            await one.connection.aclose()

    async def _send(
        self, where: Origin, request: httpcore.Request
    ) -> tuple[httpcore.AsyncHTTPConnection, httpcore.Response]:
        connection = await self._kept_at(where) or self._new(where)
        return connection, await _sent(connection, request)

    def _new(self, where: Origin) -> httpcore.AsyncHTTPConnection:
        scheme, host, port = where
        return httpcore.AsyncHTTPConnection(
            httpcore.Origin(scheme.encode(), host.encode(), port),
            network_backend=_CheckedBackend(
                self._guard, self._seconds, self._context() if scheme == "https" else None
            ),
            keepalive_expiry=_KEPT_SECONDS,
        )

    def _context(self) -> ssl.SSLContext:
        return self._tls or default_ssl_context()

    async def _kept_at(self, where: Origin) -> httpcore.AsyncHTTPConnection | None:
        """The connection that has rested the longest, if it has rested enough."""
        resting = self._kept.get(where, deque())
        while resting and resting[0].since <= time.monotonic() - self._rest_seconds:
            connection = resting.popleft().connection
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _keep(self, where: Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        if not connection.is_idle() or len(self._kept[where]) >= _KEPT_AT_HOST:
            await connection.aclose()
            return
        self._kept[where].append(_Resting(connection, time.monotonic()))
        loop = asyncio.get_running_loop()
        loop.call_later(_KEPT_SECONDS + 0.1, lambda: loop.create_task(self._drop(where, connection)))

    async def _drop(self, where: Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        """Close what has rested for as long as it may."""
        resting = self._kept.get(where, deque())
        for one in [one for one in resting if one.connection is connection and connection.has_expired()]:
            resting.remove(one)
            await connection.aclose()
        if not resting:
            self._kept.pop(where, None)


async def _sent(connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> httpcore.Response:
    try:
        return await connection.handle_async_request(request)
    except BaseException:
        await connection.aclose()
        raise


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that passed the guard, and with TLS at once where there is a context."""

    def __init__(self, guard: Guard, seconds: float, tls: ssl.SSLContext | None) -> None:
        self._guard = guard
        self._seconds = seconds
        self._tls = tls

    async def connect_tcp(
        self, host: str, port: int, *_: object, **__: object
    ) -> httpcore.AsyncNetworkStream:
        failure: OSError = OSError("no address")
        name = host if self._tls is not None else None
        for address in await self._addresses(host, port):
            try:
                reader, writer = await asyncio.open_connection(
                    address, port, ssl=self._tls, server_hostname=name
                )
            except OSError as error:
                failure = error
            else:
                return _Stream(reader, writer)
        raise httpcore.ConnectError(str(failure)) from failure

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            if literal(host) is not None:
                return self._guard.addresses(host, port, 1.0)
            look_up = partial(self._guard.addresses, host, port, self._seconds)
            return await asyncio.get_running_loop().run_in_executor(_NAMES, look_up)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error


class _Stream(httpcore.AsyncNetworkStream):
    """A connection on the loop. Nothing here knows a timeout: whoever waits has one for all of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore's own signature
        try:
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - httpcore's own signature
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # A goodbye could take as long as the other side likes.
        self._writer.transport.abort()

    async def start_tls(self, *_: object, **__: object) -> "_Stream":
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.transport.is_closing()
        return None
