"""The watcher's loop: claim what is due, hand work to Celery, look at open generations, sleep until woken."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final

import structlog

from outbound.many import PooledWire
from outbound.wire import AsyncWire
from providers.registry import REGISTRY
from services import deadlines, due, looking, retention, shredding, signs, spending
from services.batches import canceling, completing
from services.costs import reconciling, rollup
from services.housekeeping import tidy
from services.prices.learning import learn
from services.runtime import Runtime
from storage.database import DatabaseTrouble
from workers.watcher.looks import Looks
from workers.watcher.pace import SHORTEST_PAUSE, Pace
from workers.watcher.publishing import Publishing
from workers.watcher.settling import Settling
from workers.watcher.threads import Threads
from workers.watcher.writing import Writing

TICK_SECONDS: Final = 0.25
# Where nothing was due or heard of for a while: what is waited for then is old, and can wait a little more.
QUIET_TICK_SECONDS: Final = 1.0
QUIET_AFTER_SECONDS: Final = 5.0
BEAT_SECONDS: Final = 3.0
SWEEP_SECONDS: Final = 1.0
TIDY_SECONDS: Final = 3600.0
LEARN_SECONDS: Final = 15.0
COSTS_SECONDS: Final = 15.0
BILLS_SECONDS: Final = 15.0
RETENTION_SECONDS: Final = 60.0
NOTES: Final = 200
GRACE_SECONDS: Final = 10.0
_RELEASE_SECONDS: Final = 5.0
_RECOVER_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Watcher:
    """One watcher. Several may run: what one has claimed is leased, and found again if it dies.

    ``grace`` is how long a stop waits for the looks that are out, in seconds, and again for writing them down
    and publishing what follows.
    """

    def __init__(self, runtime: Runtime, *, grace: float = GRACE_SECONDS) -> None:
        self._runtime = runtime
        self._grace = grace
        self.owner = f"watcher:{socket.gethostname()}:{os.getpid()}"
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._hurried = asyncio.Event()
        self._last_work = monotonic()
        self._threads = Threads()
        self._publishing = Publishing(runtime, self._threads, owner=self.owner)
        self._writing = Writing(runtime, self._threads, owner=self.owner, finished=self._publishing.collect)
        self._settling = Settling(runtime, self._threads)
        self._looks = Looks(runtime, self._threads.calls, self._writing.add)

    def stop(self) -> None:
        """Claim nothing more, finish the looks that are out, and return from ``run``."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Watch until stopped; the database may go away and come back meanwhile."""
        runtime = self._runtime
        async with PooledWire() as wire:
            parts = (
                self._listen(),
                self._every(BEAT_SECONDS, lambda: signs.beat(runtime, "watcher"), "beat"),
                self._every(SWEEP_SECONDS, lambda: deadlines.sweep(runtime), "sweep"),
                self._every(SWEEP_SECONDS, lambda: completing.sweep(runtime), "batches"),
                self._every(SWEEP_SECONDS, lambda: canceling.sweep(runtime), "canceling"),
                self._every(SWEEP_SECONDS, lambda: spending.sweep(runtime), "budgets"),
                self._every(TIDY_SECONDS, lambda: tidy(runtime), "tidy"),
                self._every(LEARN_SECONDS, lambda: learn(runtime), "prices"),
                self._every(COSTS_SECONDS, lambda: rollup.sweep(runtime), "costs"),
                self._every(BILLS_SECONDS, lambda: reconciling.sweep(runtime), "bills", calls=True),
                self._every(RETENTION_SECONDS, lambda: retention.sweep(runtime), "retention"),
                self._every(SWEEP_SECONDS, lambda: shredding.sweep(runtime), "shredding", calls=True),
                self._writing.run(),
                self._publishing.run(),
                self._settling.run(),
            )
            aside = [asyncio.create_task(part) for part in parts]
            try:
                await self._watch(wire, aside)
            finally:
                for task in aside:
                    task.cancel()
                await asyncio.gather(*aside, return_exceptions=True)
                self._threads.close()

    async def _watch(self, wire: AsyncWire, aside: Sequence[asyncio.Task[None]]) -> None:
        pace = Pace(asyncio.get_running_loop().time)
        while not self._stopping.is_set():
            _raise_from(aside)
            await self._rest(pace)
            busy = await self._turn(wire)
            if not busy:
                await self._sleep()
        await self._looks.finish(self._grace)
        await self._hand_back()

    async def _rest(self, pace: Pace) -> None:
        """Leave time between two turns, less of it where somebody waits for a job just taken in."""
        pause = pace.pause()
        await asyncio.sleep(min(pause, SHORTEST_PAUSE))
        if pause > SHORTEST_PAUSE:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause - SHORTEST_PAUSE):
                    await self._hurried.wait()
                    await pace.hurry()
        self._hurried.clear()

    async def _turn(self, wire: AsyncWire) -> bool:
        """Claim once and act on it; True when there may be more waiting."""
        self._woken.clear()
        # A provider that was taken away still has open requests: what becomes of them is to be seen.
        looks = self._looks.room({*REGISTRY, *self._runtime.providers})
        notes = max(NOTES - self._publishing.waiting, 0)
        try:
            claimed = await self._threads.step(
                due.claim, self._runtime, owner=self.owner, looks=looks, notes=notes
            )
            self._publishing.add(claimed.notes)
            fresh = set(self._looks.fresh(claimed.looks, claimed.at))
            ones = [one for one in claimed.open if one.job_id in fresh]
            self._looks.begin(ones, claimed.at, wire)
            self._settling.add({*claimed.lost, *fresh} - {one.job_id for one in ones})
        except Exception:
            # Whatever it is (the database restarts, a row that nobody foresaw), time must go on.
            log.exception("turn_failed")
            await asyncio.sleep(_RECOVER_SECONDS)
            return False
        rows = sum(len(note.ids) for note in claimed.notes)
        if rows or claimed.looks or claimed.lost:
            self._last_work = monotonic()
        return rows >= notes > 0 or len(claimed.looks) >= min(looks.values(), default=1)

    async def _hand_back(self) -> None:
        """Write down what was seen, publish what follows, and leave the rest to the next watcher."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._writing.finish()
                await self._publishing.finish()
        unsent = self._publishing.unsent()
        with suppress(TimeoutError, DatabaseTrouble):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._threads.step(looking.hand_back, self._runtime, unsent, owner=self.owner)

    async def _listen(self) -> None:
        async for new_job in signs.woken(self._runtime):
            self._woken.set()
            if new_job:
                self._hurried.set()

    async def _every(
        self, seconds: float, step: Callable[[], None], name: str, *, calls: bool = False
    ) -> None:
        """Take a step again and again; ``calls`` where it may ask a provider."""
        crew = self._threads.call if calls else self._threads.step
        while True:
            try:
                await crew(step)
            except DatabaseTrouble:
                log.warning("step_failed", step=name)
            await asyncio.sleep(seconds)

    async def _sleep(self) -> None:
        quiet = monotonic() - self._last_work > QUIET_AFTER_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_TICK_SECONDS if quiet else TICK_SECONDS):
                await self._woken.wait()
                self._last_work = monotonic()


def _raise_from(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End the process with the fault of a part that has died: half a watcher must not look alive."""
    for task in tasks:
        if task.done():
            task.result()
