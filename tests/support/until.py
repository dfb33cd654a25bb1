"""Waits for what another process or thread does."""

import threading
import time
from collections.abc import Callable

_LOOK_AGAIN_SECONDS = 0.02


def until(happened: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Come back as soon as ``happened`` is true; fail, naming ``what``, when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        pause.wait(_LOOK_AGAIN_SECONDS)
