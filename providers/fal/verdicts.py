"""What the answers about a completed request decide (fal queue contract, sections 3.4 and 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.failures import ErrorCode
from outbound.retry_after import retry_after
from outbound.wire import Reply
from providers.base import Ended, Finished, Generating, Handle, LookFailed, Observation
from providers.fal.answers import Unreadable, amount, parse
from providers.fal.billing import cost_of_failure, cost_of_result
from providers.fal.failures import failure
from providers.fal.faults import Fault, read_fault, trimmed
from providers.fal.outputs import read_outputs

# A result stays for an hour, one of 10 KB or more for about six minutes (fal queue contract, section 3.4).
KEPT_SECONDS: Final = 360.0
_EARLY: Final = re.compile(r"in progress|in queue|not (yet )?(complete|ready|finished)", re.IGNORECASE)
# A 404 with one of these is the model's own answer: the path below the application is wrong.
_WRONG_PATH: Final = re.compile(r"\bpath\b.*not found", re.IGNORECASE)
_FAILED_CALLS: Final = frozenset({401, 402, 403, 405, 408, 429})
_GONE: Final = 410
_NOT_FOUND: Final = 404
_EARLY_STATUS: Final = 400
_CANCELED: Final = 499
_GATEWAY_TIMEOUT: Final = 504
_SERVER_ERROR: Final = 500
# How often the same 5xx is heard before it is taken for the verdict.
_SAME_ANSWERS: Final = 3


@dataclass(frozen=True, slots=True)
class Completed:
    """What a COMPLETED status says; ``inference_seconds`` is None where no runner was reached."""

    error: str = ""
    error_type: str | None = None
    inference_seconds: Decimal | None = None

    @property
    def failed(self) -> bool:
        """Whether the status named an error: without one the result may still be one."""
        return bool(self.error or self.error_type)


def read_completed(status: Mapping[str, Any]) -> Completed:
    """The ends of a COMPLETED status; every field but the status itself may be missing."""
    error, kind, metrics = status.get("error"), status.get("error_type"), status.get("metrics")
    seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
    return Completed(
        error=trimmed(str(error)) if error else "",
        error_type=(trimmed(kind) or None) if isinstance(kind, str) else None,
        inference_seconds=amount(seconds),
    )


def verdict(reply: Reply, completed: Completed, handle: Handle, now: datetime) -> Observation:
    """What the answer to the result's GET decides.

    Raises:
        LookFailed: the answer is about the call, not about the generation.
    """
    if reply.ok:
        return (
            _ended_after_all(reply, completed, handle)
            if completed.failed
            else _finished(reply, completed, handle)
        )
    fault = read_fault(reply)
    if _is_early(fault) and not completed.failed:
        return Generating()
    if not _is_verdict(fault, completed) or _may_pass(fault, completed, handle):
        raise LookFailed(
            f"the result could not be fetched: fal.ai answered {reply.status}",
            retry_after=retry_after(reply.headers.get("retry-after"), now),
        )
    if reply.status in {_NOT_FOUND, _GONE} and not completed.failed and not _WRONG_PATH.search(fault.text):
        return _expired(reply, fault, completed, handle, now)
    return Ended(
        failure(fault, _better_code(fault, completed)),
        cost_of_failure(reply.status, reply.headers, handle),
        canceled=reply.status == _CANCELED,
        inference_seconds=completed.inference_seconds,
    )


def _finished(reply: Reply, completed: Completed, handle: Handle) -> Finished | Ended:
    try:
        found = read_outputs(parse(reply.body), handle.kind)
    except Unreadable as error:
        raise LookFailed(f"the result could not be read: {error}") from error
    cost = cost_of_result(reply.headers, handle, completed.inference_seconds)
    if found.blocked:
        fault = Fault(reply.status, "every file that it made was blanked", ("has_nsfw_concepts",))
        refused = failure(fault, ErrorCode.CONTENT_POLICY)
        return Ended(refused, cost, inference_seconds=completed.inference_seconds)
    return Finished(found.outputs, cost, completed.inference_seconds, found.filtered)


def _ended_after_all(reply: Reply, completed: Completed, handle: Handle) -> Ended:
    """The status named an error, and the result's address answered 2xx all the same."""
    kinds = (completed.error_type,) if completed.error_type else ()
    fault = Fault(reply.status, completed.error, kinds)
    return Ended(
        failure(fault, _better_code(fault, completed)),
        cost_of_failure(reply.status, reply.headers, handle),
        inference_seconds=completed.inference_seconds,
    )


def _is_early(fault: Fault) -> bool:
    """The status was ahead of the result's store: the request is still on its way there.

    The body of such a reply is not documented; fal's type for any bad request may stand in it.
    """
    plain = set(fault.types) <= {"bad_request"}
    return fault.status == _EARLY_STATUS and plain and bool(_EARLY.search(fault.text))


def _may_pass(fault: Fault, completed: Completed, handle: Handle) -> bool:
    """Whether a result may still lie behind this error.

    A 5xx is replayed to everyone who asks if it is the model's answer. Where the status named no error it
    could be a hiccup of what stands before the result, and to try elsewhere would be to pay twice: so it is
    asked for again, and is a verdict once it has stayed the same.
    """
    if fault.status < _SERVER_ERROR or completed.failed or fault.by_caller:
        return False
    return handle.failed_looks < _SAME_ANSWERS - 1


def _is_verdict(fault: Fault, completed: Completed) -> bool:
    """Whether the reply is the model's or the platform's word on the generation.

    A gateway's page is not, nor is an answer about our own call: the key, the account, the rate. Where the
    status named an error, the result is expected to be one. A reply from 500 up must bear fal's marks, since
    to end a generation that a hiccup hides would be to pay for it and not take it.
    """
    if fault.status == _GONE:
        return True
    if completed.failed:
        return fault.json or fault.typed or fault.marked
    if fault.status >= _SERVER_ERROR:
        return fault.typed or (fault.marked and fault.json)
    return fault.json and fault.status >= _EARLY_STATUS and fault.status not in _FAILED_CALLS


def _expired(reply: Reply, fault: Fault, completed: Completed, handle: Handle, now: datetime) -> Ended:
    age = (now - handle.accepted_at).total_seconds()
    if reply.status == _NOT_FOUND and age < KEPT_SECONDS:
        # It cannot have expired yet: the store is late, and the result is paid for.
        raise LookFailed("fal.ai does not have the result yet, although the request is complete")
    return Ended(
        failure(fault, ErrorCode.ASSET_UNAVAILABLE),
        cost_of_failure(reply.status, reply.headers, handle),
        inference_seconds=completed.inference_seconds,
    )


def _better_code(fault: Fault, completed: Completed) -> ErrorCode | None:
    """The start timeout, which shares its status and its type with a runner that was too slow."""
    if fault.status == _GATEWAY_TIMEOUT and fault.by_caller:
        return ErrorCode.START_TIMEOUT
    kinds = {completed.error_type, *fault.types}
    if "request_timeout" in kinds and completed.inference_seconds is None:
        return ErrorCode.START_TIMEOUT
    return None
