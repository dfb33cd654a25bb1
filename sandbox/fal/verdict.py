"""What a fal request ends in: the answer that its result replays, and what it is billed with."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from sandbox.fal import billing
from sandbox.fal.inputs import model_error, problem
from sandbox.fal.record import FalRequest

_REQUEST_TIMEOUT: Final = "request_timeout"
_CANCELLED: Final = "client_cancelled"
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One end: the result's status, body and headers; the billed units; what the status call says of it."""

    status: int
    body: JsonObject
    billed: Decimal | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether there is output."""
        return self.status < 400  # noqa: PLR2004 - the first error status


def reach(record: FalRequest) -> Verdict:
    """The end of a request that is over, without the output of a success: that is made once, elsewhere."""
    if record.cancelled:
        billed = _units(record) if record.script.has("cancel_charged") else Decimal(0)
        return platform_error(499, "Request was cancelled by the client", _CANCELLED, billed)
    if record.timeline.timed_out:
        ended = platform_error(504, "Request timed out before it was started", _REQUEST_TIMEOUT)
        ended.headers["X-Fal-Request-Timeout-Type"] = "user"
        return ended
    return _scripted(record) or _refused(record) or Verdict(200, {}, _units(record))


def platform_error(status: int, text: str, kind: str, billed: Decimal | None = None) -> Verdict:
    """A flat error with its type in the header, too (fal queue contract, error model, shape a)."""
    body = {"detail": text, "error_type": kind}
    return Verdict(status, body, billed, {"X-Fal-Error-Type": kind}, text, kind)


def _scripted(record: FalRequest) -> Verdict | None:
    script, prompt = record.script, record.arguments.get("prompt")
    if script.has("moderation"):
        text = "The content could not be processed because it was flagged by a content checker."
        entry = model_error("prompt", text, "content_policy_violation", prompt)
        billed = _units(record) if script.has("moderation", "charged") else Decimal(0)
        return _model_errors(422, [entry], billed, retryable=False)
    if script.has("unvalidated_422"):
        entry = model_error("prompt", "Field required", "missing", record.arguments)
        return _model_errors(422, [entry], Decimal(0), retryable=False)
    if script.has("completed_error", "422"):
        return platform_error(422, "The runner refused the input", "bad_request", Decimal(0))
    if script.has("completed_error"):
        return platform_error(500, "The runner answered with an error", "runner_server_error")
    if script.has("fail"):
        entry = model_error("prompt", "The generation failed", "internal_server_error", prompt)
        return _model_errors(500, [entry], None, retryable=True)
    return None


def _refused(record: FalRequest) -> Verdict | None:
    entry = problem(record.endpoint, record.arguments)
    return None if entry is None else _model_errors(422, [entry], Decimal(0), retryable=False)


def _model_errors(
    status: int, entries: list[JsonObject], billed: Decimal | None, *, retryable: bool
) -> Verdict:
    headers = {"X-Fal-Retryable": "true" if retryable else "false"}
    return Verdict(status, {"detail": entries}, billed, headers)


def _units(record: FalRequest) -> Decimal:
    asked = record.script.get("units")
    if asked is not None:
        return Decimal(str(asked.number(1)))
    return billing.units(record.endpoint, record.arguments, record.inference)
