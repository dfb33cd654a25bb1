"""Where callbacks arrive: checks their signature by the public library, and fails when it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.emulators.wire import Reply, Request, Server, json_reply


@dataclass(slots=True)
class Receiver:
    """A customer's endpoint; paths that start with ``/fail-once`` answer 500 to each event's first try."""

    secret: str | None = None
    server: Server = field(init=False)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @contextmanager
    def serving(self) -> Iterator["Receiver"]:
        """Listen to the end of the block."""
        with self.server.serving():
            yield self

    def of(self, job_id: str) -> list[dict[str, Any]]:
        """The accepted events about one job."""
        return [event for _, event in list(self.events) if event["data"].get("id") == job_id]

    def _answer(self, request: Request) -> Reply:
        name = request.headers["webhook-id"] or ""
        with self._lock:
            tries = self.tries[name] = self.tries.get(name, 0) + 1
            if request.path.startswith("/fail-once") and tries == 1:
                return json_reply(500, {"error": "not now"})
            try:
                Webhook(self.secret or "").verify(request.body, dict(request.headers.items()))
            except WebhookVerificationError as error:
                self.unsigned.append(f"{name}: {error}")
                return json_reply(400, {"error": "bad signature"})
            self.events.append((name, request.json()))
        return json_reply(200, {})
