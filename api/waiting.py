"""Waiting for jobs to end, without a thread or a database connection for each one who waits."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.background import beside
from domain.lifecycle import ENDED
from services import reading
from services.runtime import Runtime
from storage.agenda import ENDED_CHANNEL
from storage.database import DatabaseTrouble
from storage.notices import listen

_RECHECK_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class Ends:
    """Hears which jobs have ended, once for the whole process, and wakes whoever waits for one.

    A notice may be lost, so every two seconds one question asks after all the jobs that are waited for.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._stopped = False
        self._clients: set[asyncio.Task[None]] = set()
        self._followers: list[Callable[[UUID], None]] = []

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """Listen for as long as the block runs."""
        async with beside(self._listen(), self._recheck()):
            yield

    async def job(self, request: Request, project_id: UUID, job_id: UUID, seconds: float) -> dict[str, Any]:
        """The job once it has ended, else as it stands after ``seconds`` or when the client leaves.

        Raises:
            NotFound: the project has no such job.
        """
        read = partial(self._read, project_id, job_id)
        if not seconds or self._stopped:
            return await read()
        gone = asyncio.create_task(_gone(request))
        self._clients.add(gone)
        try:
            with self._awaited(job_id) as woken:
                return await _ended(read, woken, gone, seconds)
        finally:
            self._clients.discard(gone)
            gone.cancel()

    def follow(self, tell: Callable[[UUID], None]) -> None:
        """Have ``tell`` called with every job whose end is heard of; some ends never are."""
        self._followers.append(tell)

    def answer_all(self) -> None:
        """Answer everybody who waits with their job as it stands, and whoever comes from now on."""
        self._stopped = True
        for client in self._clients:
            client.cancel()

    @property
    def waiting(self) -> int:
        """How many requests wait just now."""
        return sum(len(events) for events in self._waiting.values())

    async def _read(self, project_id: UUID, job_id: UUID) -> dict[str, Any]:
        return await run_in_threadpool(reading.job, self._runtime, project_id, job_id)

    @contextmanager
    def _awaited(self, job_id: UUID) -> Iterator[asyncio.Event]:
        """Registered before the job is first read, so that no end falls between reading and waiting."""
        woken = asyncio.Event()
        self._waiting[job_id].add(woken)
        try:
            yield woken
        finally:
            self._waiting[job_id].discard(woken)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def _listen(self) -> None:
        async for _, job_id in listen(self._runtime.database.conninfo, [ENDED_CHANNEL]):
            # An empty notice means that some may have been missed: everyone looks again.
            for ended in [UUID(job_id)] if job_id else list(self._waiting):
                self._wake(ended)
                for tell in self._followers:
                    tell(ended)

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK_SECONDS)
            if not self._waiting:
                continue
            try:
                ended = await run_in_threadpool(reading.ended, self._runtime, list(self._waiting))
            except DatabaseTrouble:
                log.warning("ends_not_read", waiting=len(self._waiting))
            else:
                for job_id in ended:
                    self._wake(job_id)

    def _wake(self, job_id: UUID) -> None:
        for woken in self._waiting.get(job_id, ()):
            woken.set()


async def _ended(
    read: Callable[[], Awaitable[dict[str, Any]]],
    woken: asyncio.Event,
    gone: asyncio.Task[None],
    seconds: float,
) -> dict[str, Any]:
    """What ``read`` says of the job once that is an end, or at the end of the wait."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        woken.clear()
        view = await read()
        left = until - loop.time()
        if view["status"] in ENDED or left <= 0 or gone.done():
            return view
        await _first(woken, gone, left)


async def _gone(request: Request) -> None:
    """Returns when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _first(woken: asyncio.Event, gone: asyncio.Task[None], seconds: float) -> None:
    """Wait until one of the two happens, or the time is over."""
    waiting = asyncio.create_task(woken.wait())
    try:
        await asyncio.wait({waiting, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
