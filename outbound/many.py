"""The wire for thousands of open looks, on reqwest; apart, since only the watcher needs it in memory."""

from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from outbound.wire import CONNECT_SECONDS, MAX_REPLY_BYTES, NoReply, NotSent, Reply, Request, json_type

_IDLE_SECONDS: Final = 30.0


class PooledWire:
    """The asynchronous wire on kept connections: a quarter of the CPU per look that aiohttp takes, measured.

    It cannot tell a connection that was never made from one that was lost: only a request that could not be
    built counts as not sent. It is for looks, which change nothing wherever they arrive.
    """

    def __init__(self) -> None:
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool inside the running loop."""
        self._client = (
            ClientBuilder()
            .follow_redirects(False)
            .no_proxy()
            .http1_only()
            .connect_timeout(timedelta(seconds=CONNECT_SECONDS))
            .pool_idle_timeout(timedelta(seconds=_IDLE_SECONDS))
            .build()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    async def call(self, request: Request, *, timeout: float) -> Reply:  # noqa: ASYNC109 - part of each call
        """Send ``request`` once; raises NotSent or NoReply."""
        if self._client is None:
            raise NotSent("the wire is not open")
        try:
            built = _built(self._client, request).timeout(timedelta(seconds=timeout)).build_streamed()
        except (PyreqwestError, ValueError) as error:
            raise NotSent(_told(error)) from error
        try:
            async with built as response:
                body = await _read(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, headers, body)
        except (PyreqwestError, ValueError) as error:
            raise NoReply(_told(error)) from error


def _built(client: Client, request: Request) -> RequestBuilder:
    headers = {**request.headers, **json_type(request)}
    builder = client.request(request.method, request.url).headers(headers)
    return builder if request.json is None else builder.body_bytes(request.json)


async def _read(response: Response) -> bytes:
    body = bytearray()
    while chunk := await response.body_reader.read_chunk():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise NoReply(f"the answer is larger than {MAX_REPLY_BYTES} bytes")
    return bytes(body)


def _told(error: Exception) -> str:
    """What went wrong, from the outermost to the innermost cause."""
    if isinstance(error, DetailedPyreqwestError):
        causes = [cause["message"] for cause in error.details["causes"] or ()]
        return ": ".join([error.message, *causes])
    return f"{type(error).__name__}: {error}".removesuffix(": ")
