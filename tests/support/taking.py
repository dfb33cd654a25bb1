"""Taking in jobs and webhooks from a test, which has no event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
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


def _at_the_entrance(runtime: Runtime, work: Callable[[Entrance], Awaitable[Result]]) -> Result:
    """What ``work`` brings on an entrance and a loop of its own: also for a caller that has a loop."""

    async def run() -> Result:
        async with Entrance.opened(runtime.database.url) as entrance:
            return await work(entrance)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
