"""The looks that are out: slots of its own for each provider, and nothing looked at twice at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from outbound.wire import AsyncWire
from services.asking import ask
from services.due import CLAIM
from services.runtime import Runtime
from services.sights import Look, Open

# How many looks are out at one provider, and how many more wait for their slot.
SLOTS: Final = 128
WAITING: Final = 128

log = structlog.get_logger(__name__)


class Looks:
    """Every look that was begun and has not come back; what it brings is handed to ``seen``."""

    def __init__(self, runtime: Runtime, calls: Executor, seen: Callable[[Look], None]) -> None:
        self._runtime = runtime
        self._calls = calls
        self._seen = seen
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._claimed_at: dict[UUID, datetime] = {}
        self._knocked: set[UUID] = set()
        self._out: dict[str, int] = defaultdict(int)
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, SLOTS))

    def room(self, providers: Iterable[str]) -> Mapping[str, int]:
        """How many more looks can be taken on for each provider: a slow one leaves the others theirs."""
        return {name: SLOTS + WAITING - self._out[name] for name in providers}

    def fresh(self, job_ids: Sequence[UUID], claimed_at: datetime) -> list[UUID]:
        """Those of the claimed jobs that are not being looked at.

        One that came due again before its claim ran out was knocked for: its look may have been too early,
        and is made again at once.
        """
        for job_id in job_ids:
            before = self._claimed_at.get(job_id)
            if before is not None and claimed_at < before + CLAIM:
                self._knocked.add(job_id)
        return [job_id for job_id in job_ids if job_id not in self._tasks]

    def begin(self, ones: Sequence[Open], claimed_at: datetime, wire: AsyncWire) -> None:
        """Look at each."""
        for one in ones:
            self._claimed_at[one.job_id] = claimed_at
            self._out[one.provider] += 1
            task = asyncio.create_task(self._look(one, wire))
            self._tasks[one.job_id] = task
            task.add_done_callback(partial(self._ended, one))

    async def finish(self, seconds: float) -> None:
        """Wait for the looks that are out, and give up those that take longer than ``seconds``."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)
        for task in list(self._tasks.values()):
            task.cancel()

    async def _look(self, one: Open, wire: AsyncWire) -> None:
        async with self._slots[one.provider]:
            look = await ask(self._runtime, one, wire, calls=self._calls)
            if look is not None and one.job_id in self._knocked:
                look = await ask(self._runtime, one, wire, calls=self._calls)
        if look is not None:
            self._seen(look)

    def _ended(self, one: Open, task: asyncio.Task[None]) -> None:
        self._out[one.provider] -= 1
        self._tasks.pop(one.job_id, None)
        self._claimed_at.pop(one.job_id, None)
        self._knocked.discard(one.job_id)
        if not task.cancelled() and task.exception() is not None:
            # A fault of ours in one look: the job comes due again when its claim runs out.
            log.error("look_broke", exc_info=task.exception())
