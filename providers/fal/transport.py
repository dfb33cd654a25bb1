"""The transport under the fal client: one request on a fresh connection, and no error that it would retry."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import fal_client
import httpx

from outbound.wire import Reply, Request, Wire
from providers.base import OutcomeUnknown
from providers.fal.urls import Queue

# The wire writes these itself for the address that the request really goes to.
_WRITTEN_BY_WIRE: Final = frozenset({"host", "content-length", "content-type", "connection"})
_DECODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Refused(Exception):  # noqa: N818 - names the fact
    """A reply outside 2xx; not an error of httpx's, which the fal client would answer by sending again."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"status {reply.status}")
        self.reply = reply


class OneShot(httpx.BaseTransport):
    """Sends exactly one request, to the configured queue whatever host the fal client has built in.

    Raises NotSent and NoReply of the wire, and Refused for a reply outside 2xx; ``reply`` keeps what came.
    """

    def __init__(self, wire: Wire, queue: Queue, timeout: float) -> None:
        self._wire = wire
        self._queue = queue
        self._timeout = timeout
        self.used = False
        self.reply: Reply | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` once."""
        if self.used:
            # Not reached with today's client; should a new one find a way to repeat itself, it ends here.
            raise OutcomeUnknown("the fal client tried to send the same request again")
        self.used = True
        kept = {k: v for k, v in request.headers.items() if k.lower() not in _WRITTEN_BY_WIRE}
        url = self._queue.moved(request.url)
        outgoing = Request(request.method, url, headers=kept, json=request.read() or None)
        self.reply = self._wire.call(outgoing, timeout=self._timeout)
        if not self.reply.ok:
            raise Refused(self.reply)
        headers = {k: v for k, v in self.reply.headers.items() if k not in _DECODED}
        return httpx.Response(self.reply.status, headers=headers, content=self.reply.body)


@dataclass(frozen=True, kw_only=True)
class OneShotClient(fal_client.SyncClient):
    """The fal client on a transport of ours; used for one call and then dropped."""

    transport: OneShot = field(repr=False)

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(
            transport=self.transport,
            headers={"Authorization": f"Key {self.key}", "User-Agent": fal_client.client.USER_AGENT},
            follow_redirects=False,
            trust_env=False,
        )

    def cancel_at(self, cancel_url: str, request_id: str) -> None:
        """Cancel the request whose address is ``cancel_url``."""
        handle = fal_client.SyncRequestHandle(
            request_id=request_id,
            response_url="",
            status_url="",
            cancel_url=cancel_url,
            client=self._client,
        )
        handle.cancel()
