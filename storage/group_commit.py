"""Group commit: what comes while one commit is on its way goes into the next, each with its own outcome."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from storage.database import DatabaseUnavailable

# What one statement carries at most: enough to share its cost, not so much that the first waits for the last.
_MOST: Final = 200

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Outcome]):
    item: Item
    told: asyncio.Future[Outcome]


class GroupCommit(Generic[Item, Outcome]):
    """Writes items of one sort, as many as wait, one commit after the other.

    ``write`` commits all of its items or none, and brings the outcome of each, in their order.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]) -> None:
        self._write = write
        self._waiting: deque[_Waiting[Item, Outcome]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Outcome:
        """The outcome of ``item`` once it is committed; what ``write`` raises where it cannot be.

        A caller that gives up meanwhile changes nothing: the item is written all the same, once.
        """
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Item, Outcome] = _Waiting(item, loop.create_future())
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write_all())
        return await waiting.told

    async def finish(self) -> None:
        """Come back when nothing waits any more."""
        if self._writer is not None:
            await self._writer

    async def _write_all(self) -> None:
        while self._waiting:
            most = min(len(self._waiting), _MOST)
            await self._settle([self._waiting.popleft() for _ in range(most)])

    async def _settle(self, batch: Sequence[_Waiting[Item, Outcome]]) -> None:
        """Write a batch and tell everyone in it; what one of them spoils is tried again without it."""
        items = [waiting.item for waiting in batch]
        [outcomes] = await asyncio.gather(self._write(items), return_exceptions=True)
        if not isinstance(outcomes, BaseException):
            for waiting, outcome in zip(batch, outcomes, strict=True):
                # Whoever gave up waiting has canceled the future.
                if not waiting.told.done():
                    waiting.told.set_result(outcome)
        elif len(batch) > 1 and not isinstance(outcomes, DatabaseUnavailable | asyncio.CancelledError):
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            for waiting in batch:
                if not waiting.told.done():
                    waiting.told.set_exception(outcomes)
