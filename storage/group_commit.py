"""Group commit: what comes while one commit is on its way goes into the next, each with its own outcome."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

# What one statement carries at most: enough to share its cost, not so much that the first waits for the last.
_MOST: Final = 200

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Write = Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]


class Spoiled(Exception):  # noqa: N818 - names the fact
    """One of the items cannot be written, whichever that is: nothing of the batch was."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Outcome]):
    item: Item
    told: asyncio.Future[Outcome]


class GroupCommit(Generic[Item, Outcome]):
    """Writes items of one sort, as many as wait, one commit after the other.

    What ``open_`` yields commits all of its items or none, and brings the outcome of each, in their order, or
    raises ``Spoiled``; whatever else it raises is told to all whose turn it was, and it is opened again. It
    stays open while anything waits: to open it for each commit takes turns of the event loop, and requests
    that are being read keep every one of them waiting.
    """

    def __init__(self, open_: Callable[[], AbstractAsyncContextManager[Write[Item, Outcome]]]) -> None:
        self._open = open_
        self._waiting: deque[_Waiting[Item, Outcome]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._batch: list[_Waiting[Item, Outcome]] = []

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
            [error] = await asyncio.gather(self._write_on(), return_exceptions=True)
            if error is not None:
                # Where it could not even be opened, nobody's turn had come.
                _tell_all(self._batch or self._next(), error)
            self._batch = []

    async def _write_on(self) -> None:
        async with self._open() as write:
            while self._waiting:
                self._batch = self._next()
                await _settle(write, self._batch)

    def _next(self) -> list[_Waiting[Item, Outcome]]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]


async def _settle(write: Write[Item, Outcome], batch: Sequence[_Waiting[Item, Outcome]]) -> None:
    """Write a batch and tell everyone in it; what one of them spoils is tried again without it."""
    try:
        outcomes = await write([waiting.item for waiting in batch])
    except Spoiled as error:
        if len(batch) == 1:
            _tell_all(batch, error)
            return
        middle = len(batch) // 2
        await _settle(write, batch[:middle])
        await _settle(write, batch[middle:])
    else:
        for waiting, outcome in zip(batch, outcomes, strict=True):
            # Whoever gave up waiting has canceled the future.
            if not waiting.told.done():
                waiting.told.set_result(outcome)


def _tell_all(batch: Sequence[_Waiting[Item, Outcome]], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.told.done():
            waiting.told.set_exception(error)
