"""A sandbox for tests: a real server on a free loopback port, and shorthands for what tests do with it."""

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import uvicorn

from sandbox.app import create_app
from sandbox.config import Config

FAL_KEY: Final = {"Authorization": "Key sandbox-test"}
ADMIN_KEY: Final = {"Authorization": "Key sandbox-admin-test"}
LINKMODEL_KEY: Final = {"Authorization": "Bearer sandbox-test"}
_CLIENT_SECONDS: Final = 20
_STOP_SECONDS: Final = 2


class SandboxServer:
    """A running sandbox; use it as a context manager.

    ``url`` is its root, ``fal_queue_url``, ``fal_platform_url``, ``fal_jwks_url`` and ``linkmodel_url``
    are what a client is to be configured with. ``client`` is an HTTP client rooted at ``url``. With a
    ``folder`` it goes on with what an earlier server on the same folder had taken.
    """

    def __init__(self, config: Config | None = None, folder: Path | None = None) -> None:
        self.app = create_app(config or Config(manual_clock=True), folder=folder)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.fal_queue_url = f"{self.url}/fal/queue"
        self.fal_platform_url = f"{self.url}/fal/platform/v1"
        self.fal_jwks_url = f"{self.url}/fal/.well-known/jwks.json"
        self.linkmodel_url = f"{self.url}/linkmodel/api/v1"
        settings = uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=_STOP_SECONDS)
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self.client = httpx.Client(base_url=self.url, timeout=_CLIENT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def plan(self, provider: str, scenario: str | list[str], **more: object) -> None:
        """Queue an outcome for the next calls; ``more`` as ``POST /control/scenarios`` takes it."""
        self._control("scenarios", {"provider": provider, "scenario": scenario, **more})

    def advance(self, seconds: float) -> None:
        """Move the manual clock."""
        self._control("clock", {"advance_seconds": seconds})

    def reset(self) -> None:
        """Forget everything that happened."""
        self._control("reset", {})

    def submits(self) -> list[dict[str, Any]]:
        """Every submit that was accepted."""
        listed: list[dict[str, Any]] = self.client.get("/control/submits").json()
        return listed

    def invoice(self) -> dict[str, dict[str, Any]]:
        """The invoice's lines by request id."""
        return {line["request_id"]: line for line in self.client.get("/control/invoice").json()["lines"]}

    def callbacks(self, name: str) -> list[dict[str, Any]]:
        """What was posted to a callback name."""
        received: list[dict[str, Any]] = self.client.get(f"/callbacks/{name}").json()
        return received

    def _control(self, path: str, body: dict[str, Any]) -> None:
        self.client.post(f"/control/{path}", json=body).raise_for_status()
