"""A load generator in a process of its own: connections that each ask again as soon as they are answered.

``python -m bench.load PORT PATH BODY_FILE SECONDS CONNECTIONS [HEADER ...]`` prints one JSON object.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

import uvloop

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class Asking(asyncio.Protocol):
    """One connection: a request, its answer, the next request, each with a key of its own."""

    def __init__(self, head: bytes, body: bytes, counts: Counter[str]) -> None:
        self._head = head
        self._body = body
        self._counts = counts
        self._received = b""
        self._stopped = False
        self._prefix = uuid4().hex.encode()
        self._asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is whole, and ask again."""
        self._received += data
        head, found, rest = self._received.partition(_END_OF_HEAD)
        if not found or len(rest) < _body_length(head):
            return
        self._counts[head[9:12].decode()] += 1
        self._received = b""
        if not self._stopped:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        """A connection that the server ends counts as an error."""
        if not self._stopped:
            self._counts["lost"] += 1

    def stop(self) -> None:
        """Ask no more."""
        self._stopped = True
        self._transport.close()

    def _ask(self) -> None:
        self._asked += 1
        key = b"Idempotency-Key: %b-%d\r\n\r\n" % (self._prefix, self._asked)
        self._transport.write(self._head + key + self._body)


def _body_length(head: bytes) -> int:
    return int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])


async def load(port: int, head: bytes, body: bytes, seconds: float, connections: int) -> dict[str, object]:
    """Ask for ``seconds`` on ``connections`` connections: how many answers came, by status."""
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    opened = [
        await loop.create_connection(lambda: Asking(head, body, counts), "127.0.0.1", port)
        for _ in range(connections)
    ]
    counts.clear()
    begun = loop.time()
    await asyncio.sleep(seconds)
    took = loop.time() - begun
    answered = dict(counts)
    for _, protocol in opened:
        protocol.stop()
    return {"seconds": took, "answered": answered}


def main() -> None:
    """Run by the arguments of the command line."""
    port, path, body_file, seconds, connections, *headers = sys.argv[1:]
    body = Path(body_file).read_bytes()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    found = uvloop.run(load(int(port), head, body, float(seconds), int(connections)))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
