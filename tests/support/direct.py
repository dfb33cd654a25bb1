"""A queue that has its notes worked on at once, on threads of this process."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from services.runtime import Runtime
from storage.queue import Note
from tests.support.engine import run

_SECONDS = 60


class DirectQueue:
    """Runs every note as soon as it is published; as many at a time as there are threads."""

    def __init__(self, runtime: Runtime, threads: ThreadPoolExecutor) -> None:
        self._runtime = runtime
        self._threads = threads
        self._numbers = count()
        self._work: list[Future[None]] = []

    def publish(self, notes: Sequence[Note]) -> None:
        """Start on every note."""
        for note in notes:
            owner = f"worker:{next(self._numbers)}"
            self._work.append(self._threads.submit(run, self._runtime, note, owner=owner))

    def check(self) -> None:
        """Raise what any of the work raised."""
        for one in self._work:
            one.result(_SECONDS)


@contextmanager
def worked_on(runtime: Runtime) -> Iterator[Runtime]:
    """``runtime`` with a queue that works; at the end of the block all work must have gone well."""
    with ThreadPoolExecutor(4) as threads:
        queue = DirectQueue(runtime, threads)
        yield replace(runtime, queue=queue)
        queue.check()
