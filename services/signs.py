"""Signs of life and of work: the watcher's beat, and the knock that wakes it."""

from collections.abc import AsyncIterator

from services.runtime import Runtime
from storage import health
from storage.agenda import NEW_JOB, WAKE_CHANNEL
from storage.notices import listen


def beat(runtime: Runtime, process: str) -> None:
    """Note that ``process`` is alive."""
    health.beat(runtime.database, process, runtime.clock())


async def woken(runtime: Runtime) -> AsyncIterator[bool]:
    """Every knock, for ever: something may have come due before its time; True for a job just taken in."""
    async for _, said in listen(runtime.database.conninfo, [WAKE_CHANNEL]):
        yield said == NEW_JOB
