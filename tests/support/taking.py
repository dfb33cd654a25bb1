"""Taking jobs in from a test, which has no event loop of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.accept import Acceptance, Reception
from services.runtime import Runtime


def accept(runtime: Runtime, **asked: Any) -> Acceptance:  # noqa: ANN401 - what Reception.accept takes
    """What the web process would do, on a loop of its own: also for a caller that has one."""

    async def take() -> Acceptance:
        async with Reception.opened(runtime) as reception:
            return await reception.accept(**({"repeatable": None} | asked))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, take()).result()
