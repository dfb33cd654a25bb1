"""Taking in jobs and webhooks from a test, which has no event loop of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, TypeVar

from services.accept import Acceptance, Reception
from services.hooks import Listener
from services.runtime import Runtime
from storage.entrance import Entrance

Result = TypeVar("Result")


def accept(runtime: Runtime, **asked: Any) -> Acceptance:  # noqa: ANN401 - what Reception.accept takes
    """What the web process would do with a request for a job."""
    given = {"repeatable": None} | asked
    return _at_the_entrance(runtime, lambda entrance: Reception(runtime, entrance).accept(**given))


def receive(runtime: Runtime, **told: Any) -> None:  # noqa: ANN401 - what Listener.receive takes
    """What the web process would do with a webhook."""
    _at_the_entrance(runtime, lambda entrance: Listener(runtime, entrance).receive(**told))


def leave(runtime: Runtime) -> None:
    """Close the entrance to a database that is done with; one that was never used is none."""
    if runtime.database.url in _open:
        _on_the_loop(_open.pop(runtime.database.url)[1].aclose())


# By the addresses of their databases, each with what closes it. A connection takes far longer than a job.
_open: dict[str, tuple[Entrance, AsyncExitStack]] = {}
_opening = asyncio.Lock()


def _at_the_entrance(runtime: Runtime, work: Callable[[Entrance], Awaitable[Result]]) -> Result:
    """What ``work`` brings on an entrance on a loop of its own: also for a caller that has a loop."""

    async def run() -> Result:
        url = runtime.database.url
        async with _opening:
            if url not in _open:
                stack = AsyncExitStack()
                _open[url] = await stack.enter_async_context(Entrance.opened(url)), stack
        return await work(_open[url][0])

    return _on_the_loop(run())


def _on_the_loop(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """A loop that runs for as long as the process does."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
