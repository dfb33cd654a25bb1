"""One who follows a job or a batch: what is on its way to them, and the answer that it goes out in."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# How soon a browser asks again after its stream broke, in milliseconds. It goes with the first event: some
# readers take it for one by itself.
_HELLO: Final = b"retry: 2000\n"

Place = tuple[UUID, int | str]


class Viewer:
    """Stands at one place (what is followed, and what was seen of it last) and has one piece on its way.

    Nothing more is read for a viewer until that piece is taken, so a slow one costs no more than that.
    """

    __slots__ = (
        "_hang_up",
        "_over",
        "_piece",
        "_woken",
        "busy",
        "key_id",
        "more",
        "place",
        "rests_until",
        "since",
    )

    def __init__(self, place: Place, key_id: UUID, *, since: float) -> None:
        self.place = place
        self.key_id = key_id
        # Since when, by the loop's clock, what was sent last is on its way, or nothing was to be sent.
        self.since = since
        # Until when nothing is to be told: some things change more often than anybody wants to know.
        self.rests_until = 0.0
        self.busy = False
        self.more = False
        self._over = False
        self._piece: bytes | None = None
        self._woken = asyncio.Event()
        self._hang_up: Callable[[], None] | None = None

    def give(self, piece: bytes, now: float) -> None:
        """Have ``piece`` sent; only to one who is not busy."""
        self._piece, self.busy, self.since = piece, True, now
        self._woken.set()

    def end(self) -> None:
        """Let the stream end once what is on its way has been sent."""
        self._over = True
        self._woken.set()

    def cut(self) -> None:
        """Hang up, whatever is on its way."""
        self.end()
        if self._hang_up is not None:
            self._hang_up()

    def taken(self) -> None:
        """The piece has gone to the client's side of the connection."""
        self.busy = False

    def on_cut(self, hang_up: Callable[[], None] | None) -> None:
        """What closes the connection at once."""
        self._hang_up = hang_up

    async def next(self) -> bytes | None:
        """The next piece, as soon as there is one; None at the end."""
        while self._piece is None and not self._over:
            self._woken.clear()
            await self._woken.wait()
        piece, self._piece = self._piece, None
        return piece


class EventStream(Response):
    """Server-sent events for one viewer, for as long as it looks: ``looking`` is entered with the first byte.

    A generator for each stream, and the group of tasks that usually runs one, would cost more memory than all
    the rest of a viewer.
    """

    media_type = "text/event-stream"

    def __init__(
        self, viewer: Viewer, looking: AbstractContextManager[None], sent: Callable[[Viewer], None]
    ) -> None:
        # Not the base's: it would announce a length.
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Vary": "Accept"})
        self._viewer = viewer
        self._looking = looking
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send until the end, or until the client has left."""
        # uvicorn offers no way to hang up, but its receive is a method of what holds the transport.
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        self._viewer.on_cut(getattr(transport, "abort", None))
        gone = asyncio.create_task(_gone(receive, self._viewer))
        try:
            with self._looking:
                await self._send_all(send)
        finally:
            gone.cancel()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": _HELLO, "more_body": True})
        while (piece := await self._viewer.next()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._viewer.taken()
            self._sent(self._viewer)
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive, viewer: Viewer) -> None:
    """End the stream of a client that has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.end()
