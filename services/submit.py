"""Submitting jobs: the intent is committed, exactly one POST goes out, and what came of it is committed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import Final
from uuid import UUID

import structlog

from services import intents, sending
from services.runtime import Runtime

# As many POSTs of one task are on the wire at a time: what is committed must not wait for its turn.
_TOGETHER: Final = 16
# So many lots of a process are on the wire at a time; and so long the next one waits for the last one.
_LOTS: Final = 16
_PATIENCE_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


def submit(runtime: Runtime, job_ids: Sequence[UUID], *, owner: str) -> None:
    """Carry queued jobs to their providers; does nothing for a job that is no longer queued.

    Safe to run twice: only one caller can move a job out of ``queued``, and only that one sends.
    """
    for lot in _lots(job_ids):
        begun = intents.begin(runtime, lot, owner=owner)
        if begun:
            sending.send(runtime, begun, owner=owner)


class Submitter:
    """Carries jobs for one process: a provider's late answer does not keep it from the next ones.

    One lot at a time is between its commit and the wire: should the process die, no more than that is taken
    for sent though it was not. Safe in threads.
    """

    def __init__(
        self, runtime: Runtime, *, lots: int = _LOTS, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._runtime = runtime
        self._patience = patience_seconds
        self._room = BoundedSemaphore(lots)
        self._starting = Lock()
        self._threads = ThreadPoolExecutor(lots, "submit")
        self._out: set[Future[None]] = set()

    def carry(self, job_ids: Sequence[UUID], *, owner: str) -> None:
        """As ``submit``, but answers that are late are written down after this has returned.

        Where too many are late it waits before it begins: what is committed is sent at once.
        """
        for lot in _lots(job_ids):
            self._room.acquire()
            future = self._threads.submit(self._submit, lot, owner)
            self._out.add(future)
            future.add_done_callback(self._over)
            wait([future], self._patience)

    def finish(self, seconds: float) -> None:
        """Wait for answers that are late, for so many ``seconds`` at most; what comes later is looked for."""
        wait(set(self._out), seconds)
        self._threads.shutdown(wait=False)

    def _submit(self, lot: Sequence[UUID], owner: str) -> None:
        with ExitStack() as starting:
            turn = partial(starting.enter_context, self._starting)
            begun = intents.begin(self._runtime, lot, owner=owner, committing=turn)
            if begun:
                sending.send(self._runtime, begun, owner=owner, started=starting.close)

    def _over(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            # What was committed is on its way out; when its lease runs out it is looked for.
            log.error("submit_broke", exc_info=error)
        self._out.discard(future)
        self._room.release()


def _lots(job_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (job_ids[start : start + _TOGETHER] for start in range(0, len(job_ids), _TOGETHER))
