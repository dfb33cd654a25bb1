"""What this worker process works with, built when its first task runs: after the fork, never before."""

import threading
from typing import Final

from services.build import build
from services.deliver import Courier
from services.runtime import Runtime
from services.submit import Submitter

_lock: Final = threading.Lock()
_built: Final[list[Runtime]] = []
_couriers: Final[list[Courier]] = []
_submitters: Final[list[Submitter]] = []
# A callback that was begun is over by then, and written down; so is nearly every answer of a provider.
_FINISH_SECONDS: Final = 20.0


def parts() -> Runtime:
    """This process's parts; the same for all of its threads."""
    with _lock:
        if not _built:
            _built.append(build())
        return _built[0]


def courier() -> Courier:
    """Who carries this process's callbacks: no task waits for a receiver."""
    runtime = parts()
    with _lock:
        if not _couriers:
            _couriers.append(Courier(runtime))
        return _couriers[0]


def submitter() -> Submitter:
    """Who carries this process's jobs: no task waits for a provider that is slow to answer."""
    runtime = parts()
    with _lock:
        if not _submitters:
            _submitters.append(Submitter(runtime))
        return _submitters[0]


def close() -> None:
    """Wait for what is under way, answers and callbacks, and give the database connections back."""
    with _lock:
        while _submitters:
            _submitters.pop().finish(_FINISH_SECONDS)
        while _couriers:
            _couriers.pop().finish(_FINISH_SECONDS)
        while _built:
            _built.pop().database.close()
