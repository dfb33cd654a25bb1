"""One event loop for the process, in a thread of its own: what waits on it costs a socket, and no thread."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Future[Result]:
    """Begin ``work`` on the process's loop, from any thread but the loop's own."""
    return asyncio.run_coroutine_threadsafe(work, _loop())


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = uvloop.new_event_loop()
    Thread(target=loop.run_forever, name="outbound", daemon=True).start()
    return loop
