"""Submitting to and canceling in fal's queue through the real fal client: one POST, one PUT, never again."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from domain.failures import ErrorCode, Failure
from outbound.retry_after import retry_after
from outbound.wire import NoReply, NotSent, Reply, Wire, WireError
from providers.base import Accepted, CancelAnswer, Handle, LookFailed, NotAccepted, OutcomeUnknown, Submission
from providers.fal.answers import Unreadable, parse_object
from providers.fal.faults import read_fault
from providers.fal.marker import MARKER
from providers.fal.submitted import accepted, refused
from providers.fal.transport import OneShot, OneShotClient, Refused
from providers.fal.urls import InvalidEndpoint, Queue, app_of

CANCEL_SECONDS: Final = 20.0
_CLIENT_ERRORS: Final = (KeyError, TypeError, ValueError, RecursionError)


class QueueClient:
    """The writing half of the queue. A fresh fal client serves each call, so threads share nothing."""

    def __init__(
        self, key: str, queue: Queue, wire: Wire, clock: Callable[[], datetime], submit_timeout: float
    ) -> None:
        self._key = key
        self._queue = queue
        self._wire = wire
        self._clock = clock
        self._submit_timeout = submit_timeout

    def submit(self, submission: Submission) -> Accepted:
        """Put exactly one POST on the wire.

        Raises:
            NotAccepted: provably not taken.
            OutcomeUnknown: may have been taken.
        """
        return accepted(self._post(submission), submission.endpoint, self._queue)

    def cancel(self, handle: Handle) -> CancelAnswer:
        """Ask fal to drop the request (fal queue contract, section 3.5).

        Raises:
            LookFailed: no answer.
        """
        shot = OneShot(self._wire, self._queue, self._key, CANCEL_SECONDS)
        told = {"cancel_url": handle.cancel_url}
        try:
            links = self._queue.links(handle.endpoint, handle.request_id, told)
            OneShotClient(key=self._key, shot=shot).cancel_at(links.cancel, handle.request_id)
        except (WireError, InvalidEndpoint) as error:
            raise LookFailed(f"fal.ai could not be asked to cancel: {error}") from error
        except Refused as error:
            return self._not_canceled(error.reply)
        return _canceled(shot.reply)

    def _post(self, submission: Submission) -> Reply:
        shot = OneShot(self._wire, self._queue, self._key, self._submit_timeout)
        client = OneShotClient(key=self._key, shot=shot)
        try:
            app_of(submission.endpoint)
            client.submit(
                submission.endpoint,
                _body(submission),
                hint=submission.hint,
                webhook_url=submission.webhook_url,
                priority="low" if submission.priority == "low" else "normal",
                headers=_headers(submission),
                start_timeout=submission.start_timeout,
            )
        except NotSent as error:
            raise NotAccepted(_unreachable(error), down=True) from error
        except NoReply as error:
            raise OutcomeUnknown(f"no answer came from fal.ai: {error}") from error
        except Refused as error:
            raise refused(error.reply, self._clock()) from error
        except _CLIENT_ERRORS as error:
            # Before the one request: the client refused the submission itself. After it: the answer lacks
            # something that the client wants, which ``accepted`` judges by our own rules.
            if not shot.used:
                raise NotAccepted(_unsendable(error)) from error
        if shot.reply is None:
            raise OutcomeUnknown("the call to fal.ai ended without an answer")
        return shot.reply

    def _not_canceled(self, reply: Reply) -> CancelAnswer:
        if reply.status == 400 and _word(reply) == "ALREADY_COMPLETED":  # noqa: PLR2004 - by the contract
            return CancelAnswer("too_late", "the request had already finished at fal.ai")
        fault = read_fault(reply)
        missing = reply.status == 404 and _word(reply) == "NOT_FOUND"  # noqa: PLR2004 - by the contract
        said = f": {fault.text}" if fault.text else ""
        raise LookFailed(
            f"fal.ai answered {reply.status} to the cancel{said}",
            retry_after=retry_after(reply.headers.get("retry-after"), self._clock()),
            missing=missing,
        )


def _canceled(reply: Reply | None) -> CancelAnswer:
    if reply is not None and reply.status == 200 and _word(reply) == "OK":  # noqa: PLR2004 - by the contract
        return CancelAnswer("removed", "the request was waiting at fal.ai and is removed; nothing is billed")
    # Anything less definite is the weaker promise: the request may still finish, and be billed.
    return CancelAnswer("requested", "fal.ai was asked to stop; the request may still finish and be billed")


def _word(reply: Reply) -> object:
    try:
        return parse_object(reply.body).get("status")
    except Unreadable:
        return None


def _body(submission: Submission) -> dict[str, Any]:
    mark = {} if submission.marker is None else {MARKER: submission.marker}
    return {**submission.arguments, **mark}


def _headers(submission: Submission) -> dict[str, str]:
    headers: dict[str, str] = {}
    if submission.zero_retention:
        headers["X-Fal-Store-IO"] = "0"
    if submission.object_lifetime is not None:
        lifetime = {"expiration_duration_seconds": submission.object_lifetime}
        headers["X-Fal-Object-Lifecycle-Preference"] = json.dumps(lifetime)
    return headers


def _unreachable(error: NotSent) -> Failure:
    return Failure(ErrorCode.PROVIDER_FAILED, f"fal.ai could not be reached: {error}", retryable=True)


def _unsendable(error: Exception) -> Failure:
    return Failure(ErrorCode.INVALID_INPUT, f"the request cannot be sent to fal.ai: {error}")
