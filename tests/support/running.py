"""Runs a server for tests, and ends it even when the tests are killed."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.reaper import Reaper
from cli.stack.waiting import wait_until

_START_SECONDS = 100.0
_STOP_SECONDS = 60.0


@contextmanager
def running(program: Program, answers: Callable[[], bool], logs: Path) -> Iterator[Child]:
    """``program`` from when it answers to the end of the block; what it says is in ``logs``."""
    reaper = Reaper()
    child = Child(program, os.environ, Console(io.StringIO()), logs)
    reaper.watch(child)
    try:
        wait_until(answers, child, _START_SECONDS)
        yield child
    finally:
        child.ask_to_stop()
        child.wait(_STOP_SECONDS)
        child.clear()
        reaper.forget(child)
        reaper.close()
