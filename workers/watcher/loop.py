"""The watcher's loop: claim what is due, hand work to Celery, look at open generations, sleep until woken."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from outbound.many import AiohttpWire
from outbound.wire import AsyncWire
from services import due, looking, signs
from services.asking import ask
from services.housekeeping import tidy
from services.looking import Look, Open
from services.runtime import Runtime
from storage.database import DatabaseTrouble

TICK_SECONDS: Final = 0.25
BEAT_SECONDS: Final = 3.0
TIDY_SECONDS: Final = 3600.0
LOOKS: Final = 256
NOTES: Final = 200
GRACE_SECONDS: Final = 10.0
_CONNECTIONS: Final = 64
_RECOVER_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Watcher:
    """One watcher. Several may run: what one has claimed is leased, and found again if it dies."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.owner = f"watcher:{socket.gethostname()}:{os.getpid()}"
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._looks: set[asyncio.Task[None]] = set()
        self._open: set[UUID] = set()
        self._seen: asyncio.Queue[Look] = asyncio.Queue()

    def stop(self) -> None:
        """Claim nothing more, finish the looks that are out, and return from ``run``."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Watch until stopped; the database may go away and come back meanwhile."""
        async with AiohttpWire(pool=_CONNECTIONS) as wire:
            aside = [
                asyncio.create_task(self._listen()),
                asyncio.create_task(self._beat()),
                asyncio.create_task(self._tidy()),
                asyncio.create_task(self._write()),
            ]
            try:
                await self._watch(wire, aside)
            finally:
                for task in aside:
                    task.cancel()
                await asyncio.gather(*aside, return_exceptions=True)

    async def _watch(self, wire: AsyncWire, aside: Sequence[asyncio.Task[None]]) -> None:
        while not self._stopping.is_set():
            _raise_from(aside)
            busy = await self._turn(wire)
            if not busy:
                await self._sleep()
        if self._looks:
            await asyncio.wait(self._looks, timeout=GRACE_SECONDS)
        await self._seen.join()

    async def _turn(self, wire: AsyncWire) -> bool:
        """Claim once and act on it; True when there may be more waiting."""
        self._woken.clear()
        try:
            claimed = await asyncio.to_thread(
                due.claim, self._runtime, owner=self.owner, looks=LOOKS - len(self._looks), notes=NOTES
            )
            # First the looks: a broker that is away takes seconds to say so.
            await self._look_at(claimed.looks, wire)
            await asyncio.to_thread(due.publish, self._runtime, claimed.notes, owner=self.owner)
        except Exception:
            # Whatever it is (the database restarts, a row that nobody foresaw), time must go on.
            log.exception("turn_failed")
            await asyncio.sleep(_RECOVER_SECONDS)
            return False
        return len(claimed.notes) >= NOTES or (bool(claimed.looks) and len(self._looks) < LOOKS)

    async def _look_at(self, job_ids: Sequence[UUID], wire: AsyncWire) -> None:
        # A look may outlast its claim: what is being looked at is not looked at twice.
        fresh = [job_id for job_id in job_ids if job_id not in self._open]
        for one in await asyncio.to_thread(looking.open_requests, self._runtime, fresh):
            self._open.add(one.job_id)
            task = asyncio.create_task(self._look(one, wire))
            self._looks.add(task)
            task.add_done_callback(partial(self._looked, one.job_id))

    def _looked(self, job_id: UUID, task: asyncio.Task[None]) -> None:
        self._looks.discard(task)
        self._open.discard(job_id)
        if not task.cancelled() and task.exception() is not None:
            # A fault of ours in one look: the job comes due again when its claim runs out.
            log.error("look_broke", exc_info=task.exception())

    async def _look(self, one: Open, wire: AsyncWire) -> None:
        look = await ask(self._runtime, one, wire)
        if look is not None:
            await self._seen.put(look)

    async def _write(self) -> None:
        """Write down what the looks saw, all that has gathered at once."""
        while True:
            looks = [await self._seen.get()]
            while not self._seen.empty() and len(looks) < LOOKS:
                looks.append(self._seen.get_nowait())
            try:
                await asyncio.to_thread(looking.record, self._runtime, looks, owner=self.owner)
            except DatabaseTrouble:
                # The looks are lost, not the jobs: each comes due again when its claim runs out.
                log.exception("looks_not_written", count=len(looks))
            for _ in looks:
                self._seen.task_done()

    async def _listen(self) -> None:
        async for _ in signs.woken(self._runtime):
            self._woken.set()

    async def _beat(self) -> None:
        await self._every(BEAT_SECONDS, lambda: signs.beat(self._runtime, "watcher"), "beat")

    async def _tidy(self) -> None:
        await self._every(TIDY_SECONDS, lambda: tidy(self._runtime), "tidy")

    async def _every(self, seconds: float, step: Callable[[], None], name: str) -> None:
        while True:
            try:
                await asyncio.to_thread(step)
            except DatabaseTrouble:
                log.warning("step_failed", step=name)
            await asyncio.sleep(seconds)

    async def _sleep(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), timeout=TICK_SECONDS)
        except TimeoutError:
            return


def _raise_from(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End the process with the fault of a part that has died: half a watcher must not look alive."""
    for task in tasks:
        if task.done():
            task.result()
