"""Sandboxes for tests: in-process on a manual clock, and as a real server on a free port."""

import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn

from sandbox.app import SandboxApp, create_app
from sandbox.clock import ManualClock
from sandbox.config import Config

FAL_KEY = {"Authorization": "Key sandbox-test"}
ADMIN_KEY = {"Authorization": "Key sandbox-admin-test"}
LINKMODEL_KEY = {"Authorization": "Bearer sandbox-test"}


class Server:
    """A sandbox behind a real socket, with a client of it."""

    def __init__(self, config: Config) -> None:
        self.app: SandboxApp = create_app(config)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=2))
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    def plan(self, provider: str, scenario: str | list[str], **more: object) -> None:
        body = {"provider": provider, "scenario": scenario, **more}
        assert self.client.post("/control/scenarios", json=body).status_code == 200

    def advance(self, seconds: float) -> None:
        response = self.client.post("/control/clock", json={"advance_seconds": seconds})
        assert response.status_code == 200

    def submit(self, endpoint: str = "fal-ai/flux/dev", **arguments: object) -> dict[str, object]:
        response = self.client.post(f"/fal/queue/{endpoint}", json={"prompt": "a kite", **arguments}, headers=FAL_KEY)
        assert response.status_code == 200, response.text
        body: dict[str, object] = response.json()
        return body

    def create(self, kind: str = "video", **arguments: object) -> dict[str, object]:
        model = "kling-v3" if kind == "video" else "seedream-4.0"
        body = {"model": model, "prompt": "a kite", **arguments}
        response = self.client.post(f"/linkmodel/api/v1/{kind}-generation", json=body, headers=LINKMODEL_KEY)
        assert response.status_code == 200, response.text
        data: dict[str, object] = response.json()["data"]
        return data

    def query(self, task_id: object, kind: str = "video") -> httpx.Response:
        path = f"/linkmodel/api/v1/query/{kind}-generation"
        return self.client.get(path, params={"task_id": str(task_id)}, headers=LINKMODEL_KEY)

    def get(self, url: object, **headers: str) -> httpx.Response:
        return self.client.get(str(url), headers=headers or FAL_KEY)

    def invoice(self) -> dict[str, dict[str, object]]:
        lines = self.client.get("/control/invoice").json()["lines"]
        return {line["request_id"]: line for line in lines}
