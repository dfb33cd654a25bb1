"""The last net: an error that nobody expected is logged under an incident id, and only that id is shown."""

import traceback
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import Problem

_FRAMES = 12

log = structlog.get_logger(__name__)


class Incidents:
    """Wraps the application outside of its error handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; whatever it raises becomes an answer, unless one has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _Sender(send)
        try:
            await self._app(scope, receive, sender)
        except Exception as error:  # noqa: BLE001 - the boundary: nobody above could answer the customer
            problem = _report(scope, error)
            if not sender.begun:
                await problem.answer_at(scope["path"])(scope, receive, send)


class _Sender:
    """Sends on, and knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


def _report(scope: Scope, error: Exception) -> Problem:
    """Log where it happened. Its message stays out of the log: it may quote a prompt or a secret."""
    incident = str(uuid4())
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    log.error(
        "request_failed",
        incident=incident,
        method=scope["method"],
        # The pattern and not the path: a webhook's path holds the token of its attempt.
        route=getattr(scope.get("route"), "path", None),
        error=type(error).__qualname__,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    sentence = f"something went wrong here; it is logged as incident {incident}"
    return Problem(500, "internal_error", sentence, more={"incident": incident})
