"""What the looks saw, written down: at once when it is quiet, and many together when it is not."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol
from uuid import UUID

import structlog

from providers.base import Ended, Finished
from services import looking
from services.news import Told
from services.runtime import Runtime
from services.sights import Look
from storage.database import DatabaseTrouble
from workers.watcher.threads import Threads

# A write costs much the same for one look as for a hundred. Somebody waits for a verdict, and nobody for the
# time of the next look.
_VERDICTS_SECONDS: Final = 0.1
_BUSY_SECONDS: Final = 0.2
_BUSY: Final = 16
_OTHERS_SECONDS: Final = 0.25
_TOGETHER: Final = 256

log = structlog.get_logger(__name__)


class Collecting(Protocol):
    """Has the files of jobs fetched; those of batches (``in_turn``) let the others pass."""

    def __call__(self, job_ids: Sequence[UUID], *, in_turn: bool) -> None:
        """Have these fetched."""
        ...


class Writing:
    """Takes looks as they come and writes them down, one write at a time; results go on to ``finished``."""

    def __init__(self, runtime: Runtime, threads: Threads, *, owner: str, finished: Collecting) -> None:
        self._runtime = runtime
        self._threads = threads
        self._owner = owner
        self._finished = finished
        self._told = Told()
        self._seen: asyncio.Queue[Look] = asyncio.Queue()

    def add(self, look: Look) -> None:
        """Have a look written down."""
        self._seen.put_nowait(look)

    async def run(self) -> None:
        """Write for ever."""
        last, pause = float("-inf"), 0.0
        clock = asyncio.get_running_loop().time
        while True:
            looks = [await self._seen.get()]
            with suppress(TimeoutError):
                async with asyncio.timeout_at(last + _OTHERS_SECONDS):
                    await self._until_verdict(looks)
            await asyncio.sleep(last + pause - clock())
            while not self._seen.empty() and len(looks) < _TOGETHER:
                looks.append(self._seen.get_nowait())
            last, pause = clock(), _BUSY_SECONDS if len(looks) >= _BUSY else _VERDICTS_SECONDS
            await self._write(looks)
            for _ in looks:
                self._seen.task_done()

    async def finish(self) -> None:
        """Return when everything is written."""
        await self._seen.join()

    async def _until_verdict(self, looks: list[Look]) -> None:
        while not _is_verdict(looks[-1]) and len(looks) < _TOGETHER:
            looks.append(await self._seen.get())

    async def _write(self, looks: Sequence[Look]) -> None:
        try:
            finished = await self._threads.step(
                looking.record, self._runtime, looks, owner=self._owner, told=self._told
            )
        except DatabaseTrouble:
            # The looks are lost, not the jobs: each comes due again when its claim runs out.
            log.exception("looks_not_written", count=len(looks))
        else:
            rows = {look.open.job_id for look in looks if look.open.of_batch}
            self._finished([one for one in finished if one not in rows], in_turn=False)
            self._finished([one for one in finished if one in rows], in_turn=True)


def _is_verdict(look: Look) -> bool:
    return isinstance(look.result, Finished | Ended)
