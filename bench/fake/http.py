"""Just enough HTTP/1.1 for a server that costs little: requests and answers whose length is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import parse_qs

_END: Final = b"\r\n\r\n"
_REASONS: Final = {200: b"OK", 202: b"Accepted", 404: b"Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request."""

    method: str
    path: str
    query: str
    body: bytes

    def asked(self, name: str) -> str | None:
        """A parameter of the query; the first where there are several."""
        return parse_qs(self.query).get(name, [None])[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; it is held back for ``seconds``."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: bytes = b""
    seconds: float = 0.0

    def raw(self) -> bytes:
        """The answer as it goes over the wire."""
        return b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n%s" % (
            self.status,
            _REASONS.get(self.status, b"-"),
            self.content_type,
            len(self.body),
            self.headers,
            self.body,
        )


Handler = Callable[[Request], Answer]


class Connection(asyncio.Protocol):
    """One connection; its requests are answered in turn."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._waiting += data
        while (request := self._next()) is not None:
            answer = self._handler(request)
            if answer.seconds:
                asyncio.get_running_loop().call_later(answer.seconds, self._write, answer.raw())
            else:
                self._write(answer.raw())

    def _next(self) -> Request | None:
        end = self._waiting.find(_END)
        if end < 0:
            return None
        head = self._waiting[:end]
        whole = end + len(_END) + _length(head)
        if len(self._waiting) < whole:
            return None
        body = self._waiting[end + len(_END) : whole]
        self._waiting = self._waiting[whole:]
        method, target, _ = head[: head.find(b"\r\n")].decode("latin-1").split(" ", 2)
        path, _, query = target.partition("?")
        return Request(method, path, query, body)

    def _write(self, raw: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(raw)


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    start += len(b"\r\ncontent-length:")
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end >= 0 else None])
