"""Waiting for a process that was started until it answers."""

import time
from collections.abc import Callable

from cli.stack.child import Child
from cli.stack.failures import StackError

_LOOK_AGAIN_SECONDS = 0.05


def wait_until(answers: Callable[[], bool], server: Child, patience_seconds: float) -> None:
    """Wait until ``answers`` is true of ``server``.

    Raises:
        StackError: the process ended, or the time is over; the error carries what it said last.
    """
    name = server.program.name
    deadline = time.monotonic() + patience_seconds
    while not answers():
        if server.poll() is not None:
            raise StackError(f"{name} ended at its start (exit code {server.poll()})", server.last_lines)
        if time.monotonic() > deadline:
            raise StackError(f"{name} does not answer after {patience_seconds:g} s", server.last_lines)
        time.sleep(_LOOK_AGAIN_SECONDS)
