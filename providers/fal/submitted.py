"""What the reply to a submission proves: taken, not taken, or neither (fal queue contract, section 3.1)."""

from datetime import datetime
from typing import Final, TypeGuard

from domain.failures import ErrorCode, Failure
from outbound.retry_after import retry_after
from outbound.wire import Reply
from providers.base import Accepted, NotAccepted, OutcomeUnknown
from providers.fal.answers import Unreadable, count, parse_object
from providers.fal.failures import failure
from providers.fal.faults import Fault, read_fault
from providers.fal.urls import Queue

_REDIRECTS: Final = range(300, 400)
_CLIENT_ERRORS: Final = range(400, 500)
# Neither tells whether the request was read: 408 and 499 speak of the connection, not of the request.
_OF_THE_CONNECTION: Final = frozenset({408, 499})
_BUSY: Final = 429
_UNAVAILABLE: Final = 503
_MAX_ID: Final = 200


def accepted(reply: Reply, endpoint: str, queue: Queue) -> Accepted:
    """The accepted request of a 2xx reply; addresses that are missing or foreign are rebuilt from its id.

    Raises:
        OutcomeUnknown: no request id can be read, yet the request was probably taken.
    """
    try:
        body = parse_object(reply.body)
    except Unreadable as error:
        raise OutcomeUnknown(f"fal.ai answered {reply.status}, but {error}") from error
    request_id = body.get("request_id")
    if not _is_id(request_id):
        raise OutcomeUnknown(f"fal.ai answered {reply.status} without a request id")
    links = queue.links(endpoint, request_id, body)
    return Accepted(
        request_id=request_id,
        status_url=links.status,
        response_url=links.response,
        cancel_url=links.cancel,
        queue_position=count(body.get("queue_position")),
        sandbox="x-darkroom-sandbox" in reply.headers,
    )


def refused(reply: Reply, now: datetime) -> NotAccepted | OutcomeUnknown:
    """The error that a reply outside 2xx stands for.

    A gateway may answer 5xx for a request that it has already passed on, so only a 503 that names one of
    fal's own errors proves that nothing was taken.
    """
    fault = read_fault(reply)
    wait = retry_after(reply.headers.get("retry-after"), now)
    if reply.status in _REDIRECTS:
        return NotAccepted(_redirected(reply.status))
    if reply.status in _CLIENT_ERRORS and reply.status not in _OF_THE_CONNECTION:
        return NotAccepted(_busy(fault) if reply.status == _BUSY else failure(fault), retry_after=wait)
    if reply.status == _UNAVAILABLE and fault.json and fault.text and fault.types and _is_fals(reply):
        return NotAccepted(failure(fault), retry_after=wait, down=True)
    named = reply.headers.get("x-fal-request-id", "")
    trace = f"; it names the request {named}" if _is_id(named) else ""
    return OutcomeUnknown(
        f"fal.ai answered {reply.status}, which does not say whether it took the request{trace}"
    )


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and value.isascii() and value.isprintable()


def _is_fals(reply: Reply) -> bool:
    return "x-fal-error-type" in reply.headers or "x-fal-request-id" in reply.headers


def _busy(fault: Fault) -> Failure:
    said = f": {fault.text}" if fault.text else ""
    return Failure(
        ErrorCode.PROVIDER_REJECTED,
        f"fal.ai takes no more requests just now{said}",
        provider_code=fault.types[0] if fault.types else str(fault.status),
        retryable=fault.retryable is not False,
        busy=True,
    )


def _redirected(status: int) -> Failure:
    return Failure(
        ErrorCode.PROVIDER_REJECTED,
        f"the fal queue answered with a redirect ({status}), which is not followed: "
        "DARKROOM_FAL_QUEUE_URL must be the queue's own address",
        provider_code=str(status),
        elsewhere=True,
    )
