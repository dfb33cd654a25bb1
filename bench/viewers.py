"""Those who look on: a web process with 2,000 open waits and streams, and how soon they hear of an end."""

import asyncio
import resource
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from bench.fake.book import Times
from bench.peaks import memory
from bench.room import Room, opened
from bench.table import Row, quantile
from bench.watched import Watched, end, written
from bench.world import World
from services.runtime import Runtime

# A web process may hold so many waits, streams of jobs and streams of batches, within so many MB.
_WAITS, _STREAMS, _BATCHES = 1_000, 600, 400
_BAR_MB: Final = 300
_QUICK: Final = 10
_ENDS: Final = 100
_SETTLE_SECONDS: Final = 4.0
# All is over before the waits are: they began together, and would ask again together.
_REST_SECONDS: Final = 20.0
_BETWEEN_SECONDS: Final = 0.1
_AT_ONCE: Final = 50
_MINUTE: Final = 60.0
_ENDED: Final = b'"status":"canceled"'
_NOBODY_RUNS: Final = Times(mean=1.0, sigma=0.1, starts=0.1)


@dataclass(slots=True)
class _Crowd:
    """Clients on connections of their own; ``heard`` is when each knew of an end, by ``time.monotonic``."""

    room: Room
    parts: Runtime
    heard: dict[tuple[str, UUID], float] = field(default_factory=dict)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    arrived: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def measure(self, watched: Watched, many: int) -> list[Row]:
        """Memory and CPU with everybody there and nothing going on, then how soon ends are heard of."""
        web = {"web": self.room.roots()["web"]}
        alone = memory(web)["web"]
        tasks = [asyncio.create_task(one) for one in self._clients(watched)]
        for _ in range(many):
            await self.arrived.get()
        await asyncio.sleep(_SETTLE_SECONDS)
        before = self.room.cpu_seconds()
        await asyncio.sleep(_REST_SECONDS)
        spent = {name: used - before[name] for name, used in self.room.cpu_seconds().items()}
        together = memory(web)["web"]
        awaited = await self._ends("wait", watched.waits[-_ENDS:])
        followed = await self._ends("stream", watched.streams[-_ENDS:])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        a_minute = _MINUTE / _REST_SECONDS
        return [
            Row(f"{many:,} viewers: memory of web", (together,), "MB", _BAR_MB),
            Row("above what it holds alone", (together - alone,), "MB"),
            Row("at rest: CPU of web", (spent["web"] * a_minute,), "s/min"),
            Row("at rest: CPU of PostgreSQL", (spent["postgres"] * a_minute,), "s/min"),
            *_latency("a stream", followed),
            *_latency("a wait", awaited),
        ]

    def _clients(self, watched: Watched) -> Iterator[Coroutine[Any, Any, None]]:
        yield from (self._wait(job_id) for job_id in watched.waits)
        yield from (self._stream(f"/v1/jobs/{job_id}/events", job_id) for job_id in watched.streams)
        yield from (self._stream(f"/v1/batches/{batch_id}/events", batch_id) for batch_id in watched.batches)

    async def _ends(self, how: str, job_ids: Sequence[UUID]) -> list[float]:
        """Seconds from each job's end until its viewer knew."""
        ended = dict[UUID, float]()
        for job_id in job_ids:
            await asyncio.to_thread(end, self.parts, job_id)
            ended[job_id] = time.monotonic()
            await asyncio.sleep(_BETWEEN_SECONDS)
        await asyncio.sleep(_SETTLE_SECONDS)
        return [self.heard[how, job_id] - at for job_id, at in ended.items()]

    async def _stream(self, path: str, followed: UUID) -> None:
        reader, writer = await self._ask(path)
        line = await reader.readuntil(b"\n")
        self.arrived.put_nowait(None)
        while not line.startswith(b"event: end"):
            line = await reader.readuntil(b"\n")
        self.heard["stream", followed] = time.monotonic()
        writer.close()

    async def _wait(self, job_id: UUID) -> None:
        path = f"/v1/jobs/{job_id}?wait=60"
        reader, writer = await self._ask(path)
        self.arrived.put_nowait(None)
        body = await reader.read()
        while _ENDED not in body:
            writer.close()
            reader, writer = await self._ask(path)
            body = await reader.read()
        writer.close()
        self.heard["wait", job_id] = time.monotonic()

    async def _ask(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = urlsplit(self.room.url)
        async with self.gate:
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"GET {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {self.room.key}\r\n"
        writer.write(f"{head}Accept: text/event-stream\r\nConnection: close\r\n\r\n".encode())
        return reader, writer


def run(world: World) -> list[Row]:
    """Everybody looks at something else; nothing happens for a while, and then jobs end one after another."""
    _make_room()
    share = _QUICK if world.quick else 1
    with opened(world, _NOBODY_RUNS, names=("web", "watcher")) as room, room.runtime() as parts:
        [(project_id,)] = room.query("SELECT id FROM projects")
        many = {"waits": _WAITS // share, "streams": _STREAMS // share, "batches": _BATCHES // share}
        watched = written(parts, project_id, **many)
        return asyncio.run(_Crowd(room, parts).measure(watched, sum(many.values())))


def _make_room() -> None:
    """As many connections as the system allows, here and in what is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _latency(name: str, waits: Sequence[float]) -> list[Row]:
    milliseconds = [1_000 * one for one in waits]
    return [
        Row(f"a job's end until {name} tells it", (quantile(milliseconds, 0.5),), "ms"),
        Row("of twenty, the last but one", (quantile(milliseconds, 0.95),), "ms"),
    ]
