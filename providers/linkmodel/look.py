"""The query call: one look at a task, and the verdict if there is one (LinkModel contract, query task)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from domain.costs import UNKNOWN_COST, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lifecycle import Kind
from outbound.retry_after import retry_after
from outbound.wire import AsyncWire, Reply, Request, WireError
from providers.base import Ended, Finished, Generating, Handle, LookFailed, Observation, Output, Queued
from providers.linkmodel.envelope import Envelope, NotAnEnvelope, plain, read
from providers.linkmodel.refusals import failed

# What LinkModel's own client allows a call, in seconds.
LOOK_SECONDS: Final = 30.0


async def look(handle: Handle, wire: AsyncWire, base_url: str, headers: Mapping[str, str]) -> Observation:
    """Ask once; a failed generation comes as HTTP 200 with code 0, so only ``data.status`` is a verdict.

    Raises:
        LookFailed: no verdict, whatever the reason.
    """
    task_id = quote(handle.request_id, safe="")
    url = f"{base_url}/query/{handle.kind.value}-generation?task_id={task_id}"
    try:
        reply = await wire.call(Request("GET", url, headers), timeout=LOOK_SECONDS)
    except WireError as error:
        raise LookFailed(f"LinkModel could not be asked: {error}") from error
    envelope = _answer(reply)
    status = envelope.data.get("status")
    seen = _STATUSES.get(status) if isinstance(status, str) else None
    if seen is None:
        shown = plain(status) if isinstance(status, str) else "none"
        raise LookFailed(f"LinkModel gave a status that is not one of {', '.join(_STATUSES)}: {shown}")
    return seen(handle, envelope)


def _answer(reply: Reply) -> Envelope:
    try:
        envelope = read(reply.body)
    except NotAnEnvelope as error:
        reason = f"LinkModel answered {reply.status}: {error}"
        raise LookFailed(reason, retry_after=_wait(reply)) from error
    if reply.ok and envelope.ok:
        return envelope
    codes = {reply.status, envelope.code}
    if HTTPStatus.UNAUTHORIZED in codes:
        raise LookFailed(f"LinkModel refused the key, check LINKMODEL_API_KEY: {envelope.said()}")
    # Without an envelope a 404 is a gateway's word, and it never comes this far.
    missing = envelope.code == HTTPStatus.NOT_FOUND or (
        reply.status == HTTPStatus.NOT_FOUND and envelope.code is not None
    )
    reason = f"LinkModel answered {reply.status} with code {envelope.code}: {envelope.said()}"
    raise LookFailed(reason, retry_after=_wait(reply), missing=missing)


def _wait(reply: Reply) -> float | None:
    return retry_after(reply.headers.get("retry-after"), datetime.now(UTC))


def _queued(_handle: Handle, _envelope: Envelope) -> Observation:
    return Queued()


def _generating(_handle: Handle, _envelope: Envelope) -> Observation:
    return Generating()


def _finished(handle: Handle, envelope: Envelope) -> Observation:
    urls = _texts(envelope.data, "output_images") if handle.kind is Kind.IMAGE else _videos(envelope.data)
    return Finished(tuple(Output(url) for url in urls), _cost(handle))


def _failed(_handle: Handle, envelope: Envelope) -> Observation:
    # Nothing public says whether a failed task is refunded.
    detail = envelope.data.get("msg")
    text = detail if isinstance(detail, str) else ""
    return Ended(failed(text, envelope.said(text)), UNKNOWN_COST)


def _cancelled(_handle: Handle, envelope: Envelope) -> Observation:
    detail = envelope.data.get("msg")
    said = envelope.said(detail if isinstance(detail, str) else "")
    failure = Failure(ErrorCode.CANCELED, f"The task was cancelled at LinkModel: {said}", "Cancelled")
    return Ended(failure, UNKNOWN_COST, canceled=True)


def _videos(data: Mapping[str, Any]) -> list[str]:
    url = data.get("file_url")
    return [url] if isinstance(url, str) and url else _texts(data, "output_videos")


def _texts(data: Mapping[str, Any], name: str) -> list[str]:
    items = data.get(name)
    return [item for item in items if isinstance(item, str) and item] if isinstance(items, list) else []


def _cost(handle: Handle) -> Cost:
    if handle.price_nano is not None:
        return Cost(handle.price_nano, Basis.PROVIDER_PRICE, final=True)
    expected = handle.expected_cost
    if expected is None or expected.nano is None:
        return UNKNOWN_COST
    return replace(expected, basis=Basis.CATALOGUE, final=False)


_STATUSES: Final[Mapping[str, Callable[[Handle, Envelope], Observation]]] = {
    "Pending": _queued,
    "Processing": _generating,
    "Success": _finished,
    "Failed": _failed,
    "Cancelled": _cancelled,
}
