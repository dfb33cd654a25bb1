"""The parts of a Darkroom on a fresh database, and its API on a real server."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.pool import QueuePool

from services.access import Scope, create_key, create_project
from services.build import build
from services.runtime import Runtime
from services.settings import Settings
from storage.migrate import migrate
from tests.support.postgres import Postgres
from tests.support.until import until

_STOP_SECONDS = 5


def migrated(server: Postgres) -> str:
    """The name of a database with the whole schema, to copy from."""
    return server.template(migrate)


@contextmanager
def running_parts(database_url: str, folder: Path, **settings: Any) -> Iterator[Runtime]:  # noqa: ANN401
    """Parts on the database at ``database_url`` with both providers set up, and nobody behind them."""
    defaults: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": "redis://127.0.0.1:1",
        "secret_key": SecretStr("a secret of the tests"),
        "data_dir": folder,
        "fal_key": SecretStr("fal-key"),
        "fal_queue_url": "http://127.0.0.1:1",
        "fal_platform_url": "http://127.0.0.1:1",
        "fal_jwks_url": "http://127.0.0.1:1",
        "linkmodel_api_key": SecretStr("linkmodel-key"),
        "linkmodel_url": "http://127.0.0.1:1",
        "private_hosts": "127.0.0.1",
    }
    runtime = build(Settings(_env_file=None, **(defaults | settings)))
    try:
        yield runtime
    finally:
        # A step that a watcher or a worker has left on a thread of its own ends by itself.
        until(lambda: units_of_work(runtime) == 0, "the last unit of work's end")
        runtime.database.close()


def units_of_work(runtime: Runtime) -> int:
    """How many are under way."""
    pool = runtime.database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@contextmanager
def served(app: FastAPI, port: int = 0) -> Iterator[str]:
    """The URL at which ``app`` answers for as long as the block runs."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=_STOP_SECONDS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass(frozen=True, slots=True)
class Project:
    """A project of its own for one test, with a client for each scope that it may need."""

    runtime: Runtime
    url: str
    id: UUID

    @contextmanager
    def client(self, scope: Scope = Scope.ADMIN) -> Iterator[httpx.Client]:
        """An HTTP client that carries a new key of that scope."""
        key = create_key(self.runtime, project_id=self.id, name="test", scope=scope)["key"]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False) as client:
            yield client


def new_project(runtime: Runtime, url: str = "") -> Project:
    """A project that no other test knows."""
    made = create_project(runtime, name=f"project {uuid4()}")
    return Project(runtime, url, UUID(made["id"]))
