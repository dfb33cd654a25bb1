"""The sandbox as a process on a folder, to be killed and started again."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cli.stack.ports import free_port
from sandbox.testing import ADMIN_KEY, FAL_KEY, LINKMODEL_KEY
from tests.support.until import until

JsonObject = dict[str, Any]


class SandboxProcess:
    """Use it as a context manager: it runs, and is killed at the end."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.client = _somewhere()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.client.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        port = self.url.rpartition(":")[2]
        options = ("--port", port, "--folder", str(self.folder), *self._options)
        self._process = subprocess.Popen([sys.executable, "-m", "sandbox", *options])
        until(self._answers, "the sandbox's first answer", 30)

    def kill(self) -> None:
        """Do kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Do kill -9, and start again."""
        self.kill()
        self.start()

    def move(self) -> None:
        """Take another port at the next start."""
        self.client.close()
        self.url, self.client = _somewhere()

    def advance(self, seconds: float) -> None:
        """Move the manual clock."""
        self.client.post("/control/clock", json={"advance_seconds": seconds}).raise_for_status()

    def fal(self, prompt: str, **query: str) -> JsonObject:
        """Submit an image to fal; what it answered."""
        path, body = "/fal/queue/fal-ai/flux/dev", {"prompt": prompt, "guidance_scale": 3.5}
        return self._json(self.client.post(path, params=query, json=body, headers=FAL_KEY))

    def linkmodel(self, prompt: str) -> str:
        """Create an image at LinkModel; its task id."""
        body = {"model": "seedream-4.5", "prompt": prompt}
        path = "/linkmodel/api/v1/image-generation"
        task_id: str = self._json(self.client.post(path, json=body, headers=LINKMODEL_KEY))["data"]["task_id"]
        return task_id

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The JSON at a path, asked for with the key that it wants."""
        keys = LINKMODEL_KEY if path.startswith("/linkmodel") else ADMIN_KEY
        return json.loads(self.client.get(path, headers=keys).content)

    def task(self, task_id: str) -> JsonObject:
        """What LinkModel says of a task."""
        data: JsonObject = self.get(f"/linkmodel/api/v1/query/image-generation?task_id={task_id}")["data"]
        return data

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the sandbox ended at its start"
        try:
            return self.client.get("/control/health").is_success
        except httpx.TransportError:
            return False

    def _json(self, response: httpx.Response) -> JsonObject:
        body: JsonObject = response.raise_for_status().json()
        return body


def _somewhere() -> tuple[str, httpx.Client]:
    url = f"http://127.0.0.1:{free_port()}"
    return url, httpx.Client(base_url=url, timeout=60, trust_env=False)
