"""Several callers of one thing at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from services.refusals import Refused

Result = TypeVar("Result")


def at_once(call: Callable[[], Result], *, times: int) -> "list[Result | Refused]":
    """What ``times`` calls on as many threads bring; a refusal is an answer, any other error is raised."""
    start = threading.Barrier(times)

    def one() -> "Result | Refused":
        start.wait()
        try:
            return call()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(times) as threads:
        return [future.result() for future in [threads.submit(one) for _ in range(times)]]
