"""The create call: exactly one POST, and what its answer proves (LinkModel contract, create task, errors)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from domain.failures import ErrorCode, Failure
from domain.money import MoneyError, to_nano
from outbound.retry_after import retry_after
from outbound.wire import NoReply, NotSent, Reply, Request, Wire
from providers.base import Accepted, NotAccepted, OutcomeUnknown, Submission
from providers.linkmodel.envelope import Envelope, NotAnEnvelope, read
from providers.linkmodel.refusals import doubtful, refusal, told, unfunded

_SANDBOX_HEADER: Final = "x-darkroom-sandbox"
_MOST_DIGITS: Final = 10
_NOTHING_SAID: Final = Envelope(None, "", None, {})

# Servers and gateways also send these when a request did arrive: 303 answers a POST that was done, 408 and
# 499 are used for a slow upstream.
_MAY_HAVE_ARRIVED: Final = frozenset({HTTPStatus.SEE_OTHER, HTTPStatus.REQUEST_TIMEOUT, 499})


def submit(
    submission: Submission, wire: Wire, base_url: str, headers: Mapping[str, str], *, timeout: float
) -> Accepted:
    """Create a task with one POST that is never repeated: LinkModel has no idempotency key.

    Raises:
        NotAccepted: provably no task was made.
        OutcomeUnknown: a task may have been made.
    """
    request = Request("POST", f"{base_url}/{submission.kind.value}-generation", headers, _encoded(submission))
    try:
        reply = wire.call(request, timeout=timeout)
    except NotSent as error:
        raise NotAccepted(
            Failure(ErrorCode.PROVIDER_REJECTED, f"LinkModel could not be reached: {error}", retryable=True),
            down=True,
        ) from error
    except NoReply as error:
        raise OutcomeUnknown(f"LinkModel did not answer; it may have made a task: {error}") from error
    return _verdict(reply)


def price_nano(price: object) -> int | None:
    """The price in nano-dollars; None for 0 (settled later), for what is absent or is no amount."""
    if isinstance(price, bool) or not isinstance(price, int | Decimal):
        return None
    amount = Decimal(price)
    if amount.adjusted() > _MOST_DIGITS:
        return None
    try:
        return to_nano(amount) or None
    except MoneyError:
        return None


def _encoded(submission: Submission) -> bytes:
    body = {**submission.arguments, "model": submission.endpoint}
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise NotAccepted(
            Failure(ErrorCode.INVALID_INPUT, f"The input is not plain JSON, nothing was sent: {error}")
        ) from error


def _verdict(reply: Reply) -> Accepted:
    try:
        envelope = read(reply.body)
    except NotAnEnvelope as error:
        if reply.ok:
            raise OutcomeUnknown(f"LinkModel answered {reply.status} unreadably: {error}") from error
        envelope = _NOTHING_SAID
    if reply.ok and envelope.ok and envelope.task_id:
        return Accepted(
            envelope.task_id,
            price_nano=price_nano(envelope.data.get("price")),
            sandbox=_SANDBOX_HEADER in reply.headers,
        )
    if not _refused(reply, envelope):
        raise OutcomeUnknown(
            f"LinkModel answered {reply.status}, which does not say whether it made a task: {envelope.said()}"
        )
    raise NotAccepted(
        _failure(reply, envelope),
        retry_after=retry_after(reply.headers.get("retry-after"), datetime.now(UTC)),
        down=reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        # Its rates are the account's, whatever the model.
        everywhere=True,
    )


def _refused(reply: Reply, envelope: Envelope) -> bool:
    """Whether the answer proves that no task was made."""
    if envelope.data.get("task_id"):
        return False
    if envelope.code and (told(envelope.code) or unfunded(envelope.message)):
        return True
    if reply.ok:
        # A whole envelope with a code of its own and no task: LinkModel says that it made none, unless its
        # words show that it does not know either.
        return bool(envelope.code) and not doubtful(envelope.code, envelope.message)
    # A 5xx is no proof even inside the envelope: it can come from behind the point where the task is made
    # and billed, and LinkModel offers nothing by which a second try could be made safe.
    return reply.status // 100 in {3, 4} and reply.status not in _MAY_HAVE_ARRIVED


def _failure(reply: Reply, envelope: Envelope) -> Failure:
    if reply.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
        return Failure(
            ErrorCode.PROVIDER_REJECTED,
            "LinkModel answered with a redirect, which is not followed: check DARKROOM_LINKMODEL_URL",
            str(reply.status),
            elsewhere=True,
        )
    code = envelope.code if envelope.code and (reply.ok or told(envelope.code)) else reply.status
    return refusal(code, envelope.message, envelope.said())
