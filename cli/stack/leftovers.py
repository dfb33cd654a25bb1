"""Ends what an earlier stack left running, where its reaper was killed along with it."""

import signal
import time
from pathlib import Path

from cli.stack.failures import StackError
from cli.stack.reaper import send
from cli.stack.trace import left_in

_LOOK_AGAIN_SECONDS = 0.1


def end_leftovers(
    folder: Path, *, grace_seconds: float = 8.0, patience_seconds: float = 20.0
) -> tuple[str, ...]:
    """Stop the processes that are noted in ``folder`` and still run, and wait for their end; their names.

    Raises:
        StackError: one of them does not go away.
    """
    found = left_in(folder)
    for one in reversed(found):
        send(one.group, one.stop_signal)
    if not _gone(folder, grace_seconds):
        for one in left_in(folder):
            send(one.group, signal.SIGKILL)
    # Those that a killed server started may have groups of their own: they end by themselves soon after it.
    if not _gone(folder, patience_seconds):
        named = ", ".join(f"{one.name} (process group {one.group})" for one in left_in(folder))
        raise StackError(f"an earlier `darkroom up` left running, and it does not stop: {named}; kill it")
    return tuple(one.name for one in found)


def _gone(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while left_in(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True
