"""Notes on their way to the workers: a broker that is away holds up nobody but them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from services import due
from services.runtime import Runtime
from storage.database import DatabaseTrouble
from storage.queue import COLLECT, READ, SUBMIT, Note
from workers.watcher.threads import Threads

# A task costs its worker milliseconds, however many rows it carries: of many, they wait for each other.
_EVERY_SECONDS: Final = 0.1
_BUSY_SECONDS: Final = 0.3
_BUSY: Final = due.TOGETHER // 2
# So few single jobs are somebody's who waits for them.
_FEW: Final = 4

log = structlog.get_logger(__name__)


class Publishing:
    """Takes notes as they come and publishes them, many together when it is busy."""

    def __init__(self, runtime: Runtime, threads: Threads, *, owner: str) -> None:
        self._runtime = runtime
        self._threads = threads
        self._owner = owner
        self._rows: dict[tuple[str, str, bool], list[UUID]] = {}
        self._some = asyncio.Event()
        self._hurried = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    @property
    def waiting(self) -> int:
        """How many rows have not been published yet."""
        return sum(len(ids) for ids in self._rows.values())

    def unsent(self) -> list[UUID]:
        """The jobs whose notes were never published."""
        return [one for (task, *_), ids in self._rows.items() for one in ids if task in {SUBMIT, COLLECT}]

    def add(self, notes: Sequence[Note]) -> None:
        """Have notes published; those for one task and queue may go together."""
        for note in notes:
            self._rows.setdefault((note.task, note.queue, note.in_turn), []).extend(note.ids)
            if note.task == SUBMIT and not note.in_turn and len(note.ids) <= _FEW:
                self._hurried.set()
        if self._rows:
            self._some.set()
            self._none.clear()

    def collect(self, job_ids: Sequence[UUID], *, in_turn: bool) -> None:
        """Have the files of jobs fetched; those of batches (``in_turn``) let the others pass."""
        if job_ids:
            self.add([Note(COLLECT, "collect", tuple(job_ids), in_turn)])

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._some.wait()
            busy = self.waiting >= _BUSY
            await self._publish()
            with suppress(TimeoutError):
                async with asyncio.timeout(_BUSY_SECONDS if busy else _EVERY_SECONDS):
                    await self._hurried.wait()

    async def finish(self) -> None:
        """Return when everything is published."""
        await self._none.wait()

    async def _publish(self) -> None:
        self._some.clear()
        self._hurried.clear()
        notes = [
            Note(task, queue, tuple(ids[start : start + size]), in_turn)
            for (task, queue, in_turn), ids in self._rows.items()
            for size in (1 if task == READ else due.TOGETHER,)
            for start in range(0, len(ids), size)
        ]
        self._rows = {}
        try:
            await self._threads.step(due.publish, self._runtime, notes, owner=self._owner)
        except DatabaseTrouble:
            # Not published and not put off: the rows come due again when their claim runs out.
            log.exception("notes_not_published", count=len(notes))
        if not self._rows:
            self._none.set()
