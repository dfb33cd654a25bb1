"""Turns at hosts: how many requests are under way to each, so that one that hangs holds up only itself."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

# How many requests one host gets at a time, and how many one address of it that has not answered well yet.
AT_HOST: Final = 32
UNPROVEN: Final = 2
# How many sockets are open at a time for all hosts: below what a process may have by default, 1,024.
_IN_ALL: Final = 768
_REMEMBERED: Final = 4096


class Turns:
    """Limits requests by host, by address of a host, and ``in_all``. Belongs to one event loop."""

    def __init__(self, *, in_all: int = _IN_ALL) -> None:
        self._hosts: dict[str, _Host] = {}
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._in_all = asyncio.Semaphore(in_all)

    @asynccontextmanager
    async def turn(self, host: str, address: str, patience: float | None) -> AsyncIterator[None]:
        """A turn at ``address`` of ``host``; raises TimeoutError when none comes within ``patience``."""
        async with asyncio.timeout(patience):
            await self._enter(host, address)
            try:
                await self._in_all.acquire()
            except BaseException:
                self._leave(host, address)
                raise
        try:
            yield
        finally:
            self._in_all.release()
            self._leave(host, address)

    def judge(self, address: str, *, well: bool) -> None:
        """Keep in mind whether an address answers well."""
        self._proven.pop(address, None)
        if well:
            self._proven[address] = None
            if len(self._proven) > _REMEMBERED:
                self._proven.popitem(last=False)

    def _limit(self, address: str) -> int:
        return AT_HOST if address in self._proven else UNPROVEN

    async def _enter(self, host: str, address: str) -> None:
        at = self._hosts.setdefault(host, _Host())
        if at.has_room(address, self._limit(address)):
            at.begin(address)
            return
        waiter = asyncio.get_running_loop().create_future()
        at.waiting.setdefault(address, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # Its turn may have come in the very moment in which it was given up.
            if waiter.done() and not waiter.cancelled():
                self._leave(host, address)
            raise

    def _leave(self, host: str, address: str) -> None:
        at = self._hosts[host]
        at.end(address)
        for waiting in list(at.waiting):
            while at.has_room(waiting, self._limit(waiting)) and at.wake(waiting):
                at.begin(waiting)
        if not at.busy:
            del self._hosts[host]


class _Host:
    """The requests under way to one host, and those that wait, by address."""

    def __init__(self) -> None:
        self._out: Counter[str] = Counter()
        self.waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._out) or bool(self.waiting)

    def has_room(self, address: str, limit: int) -> bool:
        return self._out[address] < limit and self._out.total() < AT_HOST

    def begin(self, address: str) -> None:
        self._out[address] += 1

    def end(self, address: str) -> None:
        self._out[address] -= 1
        self._out += Counter()

    def wake(self, address: str) -> bool:
        """Let the longest waiting one go; False where there is none. The address goes behind the others."""
        queue = self.waiting.pop(address, deque())
        woken = False
        while queue and not woken:
            waiter = queue.popleft()
            woken = not waiter.done()
            if woken:
                waiter.set_result(None)
        if queue:
            self.waiting[address] = queue
        return woken
