"""The parts of this worker process, built when its first task runs: after the fork, never before."""

import threading
from typing import Final

from services.build import build
from services.runtime import Runtime

_lock: Final = threading.Lock()
_built: Final[list[Runtime]] = []


def parts() -> Runtime:
    """This process's parts; the same for all of its threads."""
    with _lock:
        if not _built:
            _built.append(build())
        return _built[0]


def close() -> None:
    """Give the database connections back."""
    with _lock:
        while _built:
            _built.pop().database.close()
