"""The wire for thousands of open looks, on aiohttp; apart, since only the watcher needs it in memory."""

from types import TracebackType
from typing import Self

import aiohttp

from outbound.wire import (
    CONNECT_SECONDS,
    MAX_REPLY_BYTES,
    NoReply,
    NotSent,
    Reply,
    Request,
    json_type,
    lower_names,
)


class AiohttpWire:
    """The asynchronous wire on aiohttp: 5 to 17 times less CPU per poll than httpx, measured."""

    def __init__(self, *, per_host: int = 64) -> None:
        self._per_host = per_host
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool inside the running loop."""
        self._session = aiohttp.ClientSession(
            # Each host has its own: one that is slow leaves the others theirs.
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=self._per_host),
            auto_decompress=True,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def call(self, request: Request, *, timeout: float) -> Reply:  # noqa: ASYNC109 - part of each call
        """Send ``request`` once; raises NotSent or NoReply."""
        if self._session is None:
            raise NotSent("the wire is not open")
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_SECONDS, timeout))
        try:
            async with self._session.request(
                request.method,
                request.url,
                headers=dict(request.headers) | json_type(request),
                data=request.json,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                body = await _read(response)
                return Reply(response.status, lower_names(response.headers), body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(f"{type(error).__name__}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NoReply(f"{type(error).__name__}: {error}".removesuffix(": ")) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = await response.content.read(MAX_REPLY_BYTES + 1)
    while len(body) <= MAX_REPLY_BYTES and not response.content.at_eof():
        body += await response.content.read(MAX_REPLY_BYTES + 1 - len(body))
    if len(body) > MAX_REPLY_BYTES:
        raise NoReply(f"the answer is larger than {MAX_REPLY_BYTES} bytes")
    return body
