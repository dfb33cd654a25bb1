"""A receiver of callbacks that is as fast as we could make it: ``python -m bench.receiver PORT``.

It answers every POST with 204, and a GET with what has arrived since the last one: ids and times.
"""

import asyncio
import json
import sys
import time
from typing import Final, cast

import uvloop

_ID: Final = b"webhook-id: "
_LENGTH: Final = b"content-length: "
_DONE: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Receiver(asyncio.Protocol):
    arrived: Final[list[tuple[str, float]]] = []

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[: end + 2].lower()
            length = int(_value(head, _LENGTH) or 0)
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if self._transport is None:
            return
        if head.startswith(b"get "):
            body = json.dumps(self.arrived).encode()
            self.arrived.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        else:
            self.arrived.append((_value(head, _ID).decode(), time.time()))
            self._transport.write(_DONE)


def _value(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name)[2].partition(b"\r\n")[0]


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
