"""Hearing that the server is asked to stop before it waits for the requests that are still open."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told_to_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Have ``stop`` called in this loop when a signal asks the server to stop, before the server hears it.

    A server in a thread takes no signals, and neither does this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        handler = handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    taken = [number for number, handler in handlers.items() if callable(handler)]
    for number in taken:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, handlers[number])
