"""What the fal client sends through: one request on a fresh connection, and no error that it would retry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

import fal_client
import httpx

from outbound.wire import Reply, Request, Wire
from providers.base import OutcomeUnknown
from providers.fal.urls import Queue

_DECODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
# The fal client wants to find a request in what it is given; it reads nothing of it.
_ASKED: Final = httpx.Request("POST", "https://queue.fal.run")


class Refused(Exception):  # noqa: N818 - names the fact
    """A reply outside 2xx; not an error of httpx's, which the fal client would answer by sending again."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"status {reply.status}")
        self.reply = reply


class OneShot:
    """Stands where the fal client has its httpx client, of which it calls ``request`` and nothing else.

    Sends exactly one request, to the configured queue whatever host the fal client has built in.

    Raises NotSent and NoReply of the wire, and Refused for a reply outside 2xx; ``reply`` keeps what came.
    """

    def __init__(self, wire: Wire, queue: Queue, key: str, timeout: float) -> None:
        self._wire = wire
        self._queue = queue
        self._key = key
        self._timeout = timeout
        self.used = False
        self.reply: Reply | None = None

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
    ) -> httpx.Response:
        """Send one request; ours is the timeout that counts."""
        del timeout
        if self.used:
            # Not reached with today's client; should a new one find a way to repeat itself, it ends here.
            raise OutcomeUnknown("the fal client tried to send the same request again")
        outgoing = self._outgoing(method, url, json, headers or {})
        self.used = True
        self.reply = self._wire.call(outgoing, timeout=self._timeout)
        if not self.reply.ok:
            raise Refused(self.reply)
        kept = {name: value for name, value in self.reply.headers.items() if name not in _DECODED}
        return httpx.Response(self.reply.status, headers=kept, content=self.reply.body, request=_ASKED)

    def _outgoing(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Request:
        """As httpx would write it; raises ValueError for what cannot be sent."""
        told = {
            "Accept": "*/*",
            "Authorization": f"Key {self._key}",
            "User-Agent": fal_client.client.USER_AGENT,
            **headers,
        }
        for value in told.values():
            value.encode("ascii")
        return Request(method, self._queue.moved(url), headers=told, json=_written(body))


@dataclass(frozen=True, kw_only=True)
class OneShotClient(fal_client.SyncClient):
    """The fal client on what sends once; used for one call and then dropped."""

    shot: OneShot = field(repr=False)

    @cached_property
    def _client(self) -> httpx.Client:
        # A whole httpx client for each call took as long as the call itself.
        return cast("httpx.Client", self.shot)

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


def _written(body: Any) -> bytes | None:  # noqa: ANN401 - whatever JSON holds
    if body is None:
        return None
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
