"""A whole Darkroom of the benchmark's own: its real processes on real servers, and the fake providers."""

import asyncio
import json
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg
from pyreqwest.client import Client, ClientBuilder

from bench import spent
from bench.fake.__main__ import BOOK
from bench.fake.book import Times
from bench.fake.fal import PLATFORM, QUEUE
from bench.fake.linkmodel import BASE
from bench.fake.webhooks import JWKS
from bench.world import ROOT, Server, World
from cli.stack import applications
from cli.stack.child import Child, Program
from cli.stack.ports import free_port, listening
from services.build import build
from services.runtime import Runtime
from services.settings import Settings
from storage.queue import make_app

NAMES: Final = ("web", "worker", "submits", "watcher")
_ACCEPTING: Final = 32
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job as the client sees it. ``at`` is when its 202 had come, in seconds since 1970."""

    id: UUID
    prompt: str
    at: float


@dataclass(slots=True)
class Room:
    """One running Darkroom."""

    url: str
    fake_url: str
    postgres: Server
    valkey: Server
    world: World
    environment: dict[str, str]
    programs: dict[str, Program]
    key: str = ""
    running: dict[str, ExitStack] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start processes, and wait until the API says that it is ready."""
        for name in names:
            stack = ExitStack()
            self.children[name] = stack.enter_context(
                self.world.running(self.programs[name], self.environment)
            )
            self.running[name] = stack
        self._wait(self._ready, "the API is ready")
        wanted = sum(name in self.children for name in ("worker", "submits", "callbacks", "batches"))
        self._wait(lambda: self._listening() >= wanted, "the workers listen")

    def kill(self, *names: str) -> None:
        """``kill -9``, all at once, with everything that they started."""
        for name in names:
            with suppress(ProcessLookupError):
                os.killpg(self.children[name].group, signal.SIGKILL)
        for name in names:
            self.children.pop(name)
            self.running.pop(name).close()

    def close(self) -> None:
        """End every process."""
        for stack in reversed(self.running.values()):
            stack.close()

    def accept(self, count: int, *, model: str = "flux-dev", first: int = 0) -> list[Accepted]:
        """Have ``count`` jobs accepted over HTTP, each with a prompt that no other has."""
        return asyncio.run(self._accept(range(first, first + count), model))

    def roots(self) -> dict[str, int]:
        """The first process of each part, the servers too."""
        ours = {name: child.group for name, child in self.children.items()}
        return {**ours, "postgres": self.postgres.child.group, "valkey": self.valkey.child.group}

    def cpu_seconds(self) -> dict[str, float]:
        """What each part has used so far, with its children."""
        return {name: spent.cpu_seconds(root) for name, root in self.roots().items()}

    def book(self) -> dict[str, Any]:
        """What the providers took and were asked."""
        shown: dict[str, Any] = httpx.get(f"{self.fake_url}{BOOK}", timeout=60, trust_env=False).json()
        return shown

    def query(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        url = self.postgres.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """The parts that its processes have, in this process."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            parts = build(Settings(_env_file=None))
        finally:
            os.environ.clear()
            os.environ.update(before)
        try:
            yield parts
        finally:
            parts.database.close()

    async def _accept(self, numbers: range, model: str) -> list[Accepted]:
        headers = {"Authorization": f"Bearer {self.key}"}
        waiting, taken = iter(numbers), list[Accepted]()
        async with ClientBuilder().base_url(f"{self.url}/").default_headers(headers).build() as session:

            async def client() -> None:
                for number in waiting:
                    taken.append(await _post(session, model, f"picture {number}"))

            await asyncio.gather(*(client() for _ in range(min(_ACCEPTING, len(numbers)))))
        return taken

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _listening(self) -> int:
        return len(make_app(self.valkey.url).control.ping(timeout=0.5) or ())

    def _wait(self, happened: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not happened():
            if time.monotonic() > end:
                raise TimeoutError(f"after {_READY_SECONDS:g} s it is still not so that {what}")
            self.world.pause(0.1)


@contextmanager
def opened(
    world: World,
    times: Times,
    *,
    webhooks: bool = False,
    names: Sequence[str] = NAMES,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Room]:
    """A Darkroom with these settings: its processes ``names``, on fresh servers, until the block ends."""
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(world.postgres()), stack.enter_context(world.valkey())
        fake_url = stack.enter_context(providers(world, times))
        told = providers_at(fake_url) | dict(settings or {})
        environment = world.environment(postgres.url, valkey.url, **told)
        port = int(environment["DARKROOM_PORT"])
        url = f"http://127.0.0.1:{port}"
        if webhooks:
            environment["DARKROOM_PUBLIC_URL"] = url
        programs = {one.name: one for one in applications.darkroom(port, free_port()).processes}
        room = Room(url, fake_url, postgres, valkey, world, environment, programs)
        stack.callback(room.close)
        world.run(Program("bootstrap", (sys.executable, "-m", "services.bootstrap")), environment)
        room.key = (Path(environment["DARKROOM_DATA_DIR"]) / "api-key").read_text().strip()
        room.start(*names)
        yield room


async def _post(session: Client, model: str, prompt: str) -> Accepted:
    body = {"model": model, "input": {"prompt": prompt}}
    answer = await session.post("v1/jobs").body_json(body).build().send()
    told = await answer.json()
    now = time.time()
    if answer.status != 202:  # noqa: PLR2004 - accepted
        raise RuntimeError(f"a job was not accepted: {answer.status} {json.dumps(told)[:500]}")
    return Accepted(UUID(told["id"]), prompt, now)


@contextmanager
def providers(world: World, times: Times) -> Iterator[str]:
    """Both fake providers in a process of their own; the address of both."""
    port = free_port()
    numbers = (times.mean, times.sigma, times.starts, times.submit)
    command = (sys.executable, "-m", "bench.fake", str(port), *map(str, numbers))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with world.running(Program("fake", command), environment, answers=lambda: listening(port)):
        yield f"http://127.0.0.1:{port}"


def providers_at(url: str) -> dict[str, str]:
    """What a Darkroom is told to find both fake providers."""
    return {
        "FAL_KEY": "bench",
        "FAL_ADMIN_KEY": "bench",
        "LINKMODEL_API_KEY": "bench",
        "DARKROOM_FAL_QUEUE_URL": f"{url}{QUEUE}".rstrip("/"),
        "DARKROOM_FAL_PLATFORM_URL": f"{url}{PLATFORM}".rstrip("/"),
        "DARKROOM_FAL_JWKS_URL": f"{url}{JWKS}",
        "DARKROOM_LINKMODEL_URL": f"{url}{BASE}".rstrip("/"),
        "DARKROOM_PRIVATE_HOSTS": urllib.parse.urlsplit(url).netloc,
    }
