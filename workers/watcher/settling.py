"""Jobs whose request was lost or is not known: gone on with one batch at a time, beside all looks."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import structlog

from services import reconcile
from services.runtime import Runtime
from workers.watcher.threads import Threads

log = structlog.get_logger(__name__)


class Settling:
    """Takes due jobs as they come and has them reconciled; asking a provider for them may take long."""

    def __init__(self, runtime: Runtime, threads: Threads) -> None:
        self._runtime = runtime
        self._threads = threads
        self._waiting: set[UUID] = set()
        self._some = asyncio.Event()

    def add(self, job_ids: Iterable[UUID]) -> None:
        """Have jobs reconciled; one that waits already is not taken twice."""
        self._waiting.update(job_ids)
        if self._waiting:
            self._some.set()

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting = self._waiting, set()
            try:
                await self._threads.call(reconcile.settle, self._runtime, sorted(batch))
            except Exception:
                # Whatever it is, the jobs come due again, and the looks go on.
                log.exception("not_settled", count=len(batch))
