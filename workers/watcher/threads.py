"""The watcher's threads: what asks the database never waits behind what asks a provider."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

_STEPS: Final = 8
_CALLS: Final = 8

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Threads:
    """Two crews: ``steps`` for the database and the broker, ``calls`` for blocking calls to providers."""

    def __init__(self) -> None:
        self._steps = ThreadPoolExecutor(_STEPS, "steps")
        self.calls: Executor = ThreadPoolExecutor(_CALLS, "calls")

    async def step(self, step: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result:
        """Run ``step`` beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._steps, partial(step, *args, **named))

    async def call(self, call: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result:
        """Run something that may ask a provider, and take its time."""
        return await asyncio.get_running_loop().run_in_executor(self.calls, partial(call, *args, **named))

    def close(self) -> None:
        """Start nothing more; what hangs in a thread is not waited for."""
        self._steps.shutdown(wait=False, cancel_futures=True)
        self.calls.shutdown(wait=False, cancel_futures=True)
