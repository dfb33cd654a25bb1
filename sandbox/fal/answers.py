"""The bodies of the queue's own answers: accepted, status, cancel, and errors of the platform."""

from datetime import datetime, timedelta
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

from sandbox.fal.record import FalRequest
from sandbox.fal.timeline import COMPLETED, IN_QUEUE
from sandbox.fal.verdict import Verdict
from sandbox.wire import ExactJson

_NGINX: Final = (
    "<html><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>"
)
_FOREIGN: Final = "https://queue.foreign.invalid"
_KINDS: Final = {
    400: "bad_request",
    401: "authentication_error",
    403: "account_locked",
    404: "not_found",
    405: "method_not_allowed",
    429: "concurrent_requests_limit",
    500: "internal_error",
    502: "runner_incomplete_response",
    503: "runner_connection_error",
}
JsonObject = dict[str, Any]


def error(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """A platform error: flat, its type in body and header (fal queue contract, error model, shape a)."""
    kind = _KINDS[status]
    body = {"detail": text, "error_type": kind}
    return ExactJson(body, status, headers={"X-Fal-Error-Type": kind, **(headers or {})})


def nginx() -> Response:
    """What the proxy in front of the platform says; it knows nothing of request ids."""
    return HTMLResponse(_NGINX, 502)


def urls(record: FalRequest) -> JsonObject:
    """The three links of a request: below its app, whatever the endpoint's path (URL rules)."""
    base = _FOREIGN if record.script.has("foreign_urls") else f"{record.base_url}/fal/queue"
    full = record.script.has("full_path_urls")
    below = f"{base}/{record.endpoint.id if full else record.app}/requests/{record.id}"
    return {
        "response_url": f"{below}/response" if full else below,
        "status_url": f"{below}/status",
        "cancel_url": f"{below}/cancel",
    }


def accepted(record: FalRequest) -> JsonObject:
    """The answer to a submit."""
    position = record.timeline.segments[0].position
    head = {"status": IN_QUEUE, "request_id": record.id, "queue_position": position}
    return {**head, **urls(record), "gateway_request_id": record.id}


def status(record: FalRequest, now: datetime, verdict: Verdict | None, *, with_logs: bool) -> JsonObject:
    """The answer to a status call; ``verdict`` is None until the request is over."""
    segment = record.segment(now)
    state = segment.state if segment else COMPLETED
    body: JsonObject = {
        "status": state,
        "request_id": record.id,
        "gateway_request_id": record.gateway_id(now),
    }
    bare = record.script.has("no_logs")
    if segment and state == IN_QUEUE and not bare:
        body["queue_position"] = segment.position
    if state != IN_QUEUE and not bare:
        body["logs"] = _logs(record) if with_logs else None
    if verdict is not None:
        body["metrics"] = {"inference_time": record.inference} if verdict.succeeded else {}
        if verdict.error is not None:
            body |= {"error": verdict.error, "error_type": verdict.error_type}
    return body | urls(record)


def _logs(record: FalRequest) -> list[JsonObject]:
    started = record.started_at or record.submitted_at
    lines = [(started, "Loading pipeline"), (started + timedelta(milliseconds=10), "Generating")]
    return [
        {
            "message": text,
            "level": "INFO",
            "source": "USER",
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        for at, text in lines
    ]
