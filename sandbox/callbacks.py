"""A callback receiver: keeps what is posted to a name, answers as scripted, and shows what came."""

import base64
import secrets
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.core import Core, telling_headers
from sandbox.wire import ExactJson

_KEPT: Final = 10_000
_CALLBACK: Final = "callback"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer: its status, extra headers, and how long it lets the sender wait."""

    status: int
    headers: dict[str, str]
    seconds: float = 0.0


class Callbacks:
    """Everything that was received, by name; the latest ten thousand of each."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._received: dict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        for row in core.archive.rows(_CALLBACK):
            self._received[row["name"]].append(row["received"])

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            Route("/callbacks/{name}", self._receive, methods=["POST"]),
            Route("/callbacks/{name}", self._show, methods=["GET"]),
        ]

    def script(self, name: str, reply: Reply, count: int) -> None:
        """Answer the next ``count`` posts to a name like this; after them it is 200 again."""
        self._replies[name].extend([reply] * count)

    async def _receive(self, request: Request) -> Response:
        name, body = request.path_params["name"], await request.body()
        waiting = self._replies[name]
        reply = waiting.popleft() if waiting else Reply(200, {})
        now = self._core.clock.now()
        received = {
            "received_at": now.isoformat(),
            "headers": telling_headers(request.headers),
            "body_base64": base64.b64encode(body).decode(),
            "body": body.decode("utf-8", "replace"),
            "answered": reply.status,
        }
        self._received[name].append(received)
        row = {"name": name, "received": received}
        self._core.archive.put(_CALLBACK, secrets.token_hex(16), lambda: row, now)
        await self._core.clock.sleep(reply.seconds)
        return PlainTextResponse("recorded", reply.status, headers=reply.headers)

    async def _show(self, request: Request) -> Response:
        return ExactJson(list(self._received.get(request.path_params["name"], ())))
