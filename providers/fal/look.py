"""One look at a request: its status, and at once its result when it is complete."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from outbound.retry_after import retry_after
from outbound.wire import AsyncWire, Reply, Request, WireError
from providers.base import Generating, Handle, LookFailed, Observation, Queued
from providers.fal.answers import Unreadable, count, parse_object
from providers.fal.faults import Fault, read_fault
from providers.fal.urls import InvalidEndpoint, Links, Queue
from providers.fal.verdicts import read_completed, verdict

LOOK_SECONDS: Final = 20.0
_READABLE: Final = frozenset({200, 202})
_REFUSED_KEY: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404


class Looker:
    """The reading half of the queue (fal queue contract, sections 3.2 and 3.4)."""

    def __init__(self, key: str, queue: Queue, clock: Callable[[], datetime]) -> None:
        self._headers = {"Authorization": f"Key {key}", "Accept": "application/json"}
        self._queue = queue
        self._clock = clock

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        """Ask once how the request stands, fetching the result when it is done.

        Raises:
            LookFailed: no verdict; look again later.
        """
        links = self._links(handle)
        status = self._status(await self._get(wire, links.status))
        match status.get("status"):
            case "IN_QUEUE":
                return Queued(count(status.get("queue_position")))
            case "IN_PROGRESS":
                return Generating()
            case "COMPLETED":
                reply = await self._get(wire, links.response)
                return verdict(reply, read_completed(status), handle, self._clock())
            case other:
                raise LookFailed(f"fal.ai named a status that is not known: {other!r}"[:200])

    def _links(self, handle: Handle) -> Links:
        told = {"status_url": handle.status_url, "response_url": handle.response_url}
        try:
            return self._queue.links(handle.endpoint, handle.request_id, told)
        except InvalidEndpoint as error:
            raise LookFailed(str(error)) from error

    async def _get(self, wire: AsyncWire, url: str) -> Reply:
        try:
            return await wire.call(Request("GET", url, self._headers), timeout=LOOK_SECONDS)
        except WireError as error:
            raise LookFailed(f"no answer came from fal.ai: {error}") from error

    def _status(self, reply: Reply) -> Mapping[str, Any]:
        if reply.status not in _READABLE:
            fault = read_fault(reply)
            raise LookFailed(
                _reason(fault),
                retry_after=retry_after(reply.headers.get("retry-after"), self._clock()),
                missing=reply.status == _NOT_FOUND and _says_missing(reply, fault),
            )
        try:
            return parse_object(reply.body)
        except Unreadable as error:
            raise LookFailed(f"the status could not be read: {error}") from error


def _reason(fault: Fault) -> str:
    said = f": {fault.text}" if fault.text else ""
    if fault.status in _REFUSED_KEY:
        return f"fal.ai refused the key ({fault.status}); FAL_KEY must be the key of this account{said}"
    return f"fal.ai answered {fault.status} to the status request{said}"


def _says_missing(reply: Reply, fault: Fault) -> bool:
    """Whether fal itself says so; a gateway's 404 page says nothing about the request."""
    if not fault.json:
        return False
    return parse_object(reply.body).get("status") == "NOT_FOUND" or "not found" in fault.text.lower()
