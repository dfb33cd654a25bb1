"""Trouble on the wire that both providers share: refusals before, and spoilt answers after, an acceptance."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from starlette.responses import HTMLResponse, Response, StreamingResponse

from sandbox.clock import Clock
from sandbox.connection import Dropped
from sandbox.scenarios import SUBMIT, Step

PAGE = "<!doctype html><html><title>SANDBOX</title><body>a proxy answered instead of the API</body></html>"
_STATUSES = {"http_500": 500, "http_502": 502, "http_503": 503}
_SLOW_PIECES = 10
_SLOW_SECONDS = 5.0


class ErrorForm(Protocol):
    """A provider's own way to write an error."""

    def __call__(self, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
        """The error as a response."""
        ...


def refusal(steps: Iterable[Step], error: ErrorForm) -> Response | None:
    """The answer that stands in for the call, which is then not carried out; None lets it through."""
    for step in steps:
        if step.name in _STATUSES and step.value != "accepted":
            return error(_STATUSES[step.name], "the sandbox was told to fail here")
        if step.name == "rate_limited":
            return error(429, "rate limit exceeded", {"Retry-After": step.value or "1"})
        if step.name == "drop_before_accept" or (step.name == "drop_after_accept" and step.stage != SUBMIT):
            return Dropped()
        if step.name == "html_200" and step.value == "rejected":
            return HTMLResponse(PAGE)
    return None


def spoilt(steps: Iterable[Step], response: Response, error: ErrorForm, clock: Clock) -> Response:
    """The answer to a call that was carried out, as it arrives."""
    for step in steps:
        if step.name in _STATUSES:
            return error(_STATUSES[step.name], "the sandbox was told to fail after accepting")
        if step.name == "drop_after_accept":
            return Dropped()
        if step.name == "html_200":
            return HTMLResponse(PAGE)
        if step.name == "truncated_json":
            return Response(bytes(response.body)[:-1], response.status_code, media_type="application/json")
        if step.name == "slow_body":
            return _slow(response, step.number(_SLOW_SECONDS), clock)
    return response


def _slow(response: Response, seconds: float, clock: Clock) -> Response:
    body = bytes(response.body)
    size = -(-len(body) // _SLOW_PIECES)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            await clock.sleep(seconds / _SLOW_PIECES)
            yield body[start : start + size]

    return StreamingResponse(pieces(), response.status_code, headers=dict(response.headers))
