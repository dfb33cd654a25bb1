"""A lease on jobs that is renewed while their work goes on, and runs out by itself when the worker dies."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from services.runtime import Runtime
from storage import agenda
from storage.database import DatabaseTrouble

LEASE: Final = timedelta(seconds=20)
_RENEW_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


@contextmanager
def kept(runtime: Runtime, job_ids: Sequence[UUID], owner: str) -> Iterator[None]:
    """Hold the leases on jobs that ``owner`` has taken for as long as the block runs.

    A job that has left the owner's hands meanwhile (it ended, or was given back) is left alone.
    """
    done = threading.Event()
    keeper = threading.Thread(target=_renew, args=(runtime, job_ids, owner, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _renew(runtime: Runtime, job_ids: Sequence[UUID], owner: str, done: threading.Event) -> None:
    while not done.wait(_RENEW_SECONDS):
        try:
            with runtime.database.work() as session:
                agenda.renew(session, job_ids, owner=owner, until=runtime.clock() + LEASE)
        except DatabaseTrouble:
            # A missed renewal costs time, never truth; the next one may work.
            log.warning("lease_not_renewed", jobs=len(job_ids))
