"""A real watcher on a thread of this process."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime import Runtime
from workers.watcher.loop import GRACE_SECONDS, Watcher

_SECONDS = 60


@contextmanager
def watching(runtime: Runtime, *, grace: float = GRACE_SECONDS) -> Iterator[Callable[[], None]]:
    """A watcher for as long as the block runs; gives what stops it early. It must end by itself, and well."""
    loop = asyncio.new_event_loop()
    watcher = Watcher(runtime, grace=grace)
    faults: list[BaseException] = []

    def watch() -> None:
        try:
            loop.run_until_complete(watcher.run())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            faults.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())

    def stop() -> None:
        if thread.is_alive():
            loop.call_soon_threadsafe(watcher.stop)
            thread.join(_SECONDS)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield stop
    finally:
        stop()
        assert not thread.is_alive(), f"the watcher did not stop within {_SECONDS} s"
        loop.close()
    assert faults == []
