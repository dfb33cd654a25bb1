"""Connections for callbacks on an event loop: to checked addresses only, kept for some seconds."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import httpcore
import httpx

from outbound.guard import Guard
from outbound.hosts import literal
from outbound.transport import Origin, default_ssl_context, origin

# A receiver that closes what rests does so after five seconds or more.
_KEPT_SECONDS: Final = 4.0
_KEPT_AT_HOST: Final = 32
# A resolver that hangs holds a thread: as many as there can be requests, so that none waits for another.
_NAMES: Final = ThreadPoolExecutor(768, "names")
_BROKEN: Final = (httpcore.NetworkError, httpcore.RemoteProtocolError)


class Calls:
    """Sends requests; a connection stays at the address that was checked when it was made.

    A name is resolved within ``seconds``. Redirects are handed back, never followed. Belongs to one event
    loop.
    """

    def __init__(self, guard: Guard, seconds: float, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._seconds = seconds
        self._tls = ssl_context
        self._kept: dict[Origin, list[httpcore.AsyncHTTPConnection]] = defaultdict(list)

    @asynccontextmanager
    async def exchange(self, request: httpx.Request, content: bytes) -> AsyncIterator[httpcore.Response]:
        """One request and its response, unread; raises BlockedAddress besides what httpcore raises.

        A kept connection that turns out to be closed is replaced by a new one.
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
        for connection in kept:
            await connection.aclose()

    async def _send(
        self, where: Origin, request: httpcore.Request
    ) -> tuple[httpcore.AsyncHTTPConnection, httpcore.Response]:
        kept = await self._kept_at(where)
        if kept is not None:
            try:
                return kept, await _sent(kept, request)
            except _BROKEN:
                pass
        connection = self._new(where)
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
        """The connection that rested the shortest."""
        resting = self._kept.get(where, [])
        while resting:
            connection = resting.pop()
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _keep(self, where: Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        if not connection.is_idle() or len(self._kept[where]) >= _KEPT_AT_HOST:
            await connection.aclose()
            return
        self._kept[where].append(connection)
        loop = asyncio.get_running_loop()
        loop.call_later(_KEPT_SECONDS + 0.1, lambda: loop.create_task(self._drop(where, connection)))

    async def _drop(self, where: Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        """Close what has rested for as long as it may."""
        resting = self._kept.get(where, [])
        if connection in resting and connection.has_expired():
            resting.remove(connection)
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
