"""Collecting: fetch what providers made, check it, store it, and only then call the jobs succeeded."""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog

from domain.lifecycle import AttemptStatus, JobStatus
from domain.storing import pause_before
from services import ending
from services.fetching import Unstored, check_outputs, store_file
from services.lease import LEASE, kept
from services.relinking import fresh_outputs
from services.runtime import Runtime
from services.scratch import scratch
from services.succeeding import Ready, succeed
from storage import agenda, jobs
from storage.database import DatabaseTrouble
from storage.steps import storing
from storage.steps.storing import Storing

# How many files a process fetches at a time: each takes disk, and a connection to a host.
SIDE_BY_SIDE: Final = 4
# What has not been begun after this long is given back, for a worker that is not held up.
_BEGIN_SECONDS: Final = 30.0

# What is ready waits this long for what is nearly so: few statements then end many jobs.
_GATHER_SECONDS: Final = 0.1

_slots: Final = threading.BoundedSemaphore(SIDE_BY_SIDE)

log = structlog.get_logger(__name__)


class _GivenUp(Exception):  # noqa: N818 - names the fact
    """The batch has ended before this file had come."""


def collect(
    runtime: Runtime, job_ids: Sequence[UUID], *, owner: str, begin_seconds: float = _BEGIN_SECONDS
) -> None:
    """Fetch and store every file of jobs whose generation has finished.

    Safe to run twice: a lease keeps two workers apart, what is stored already is not fetched again, and keys
    follow from the job alone. It never touches the generation: that is made and paid for. What has not been
    begun after ``begin_seconds`` is given back.
    """
    with runtime.database.work() as session:
        taken = storing.take(session, job_ids, owner=owner, now=runtime.clock(), lease=LEASE)
    if not taken:
        return
    with kept(runtime, [job.job_id for job in taken], owner), scratch() as folder:
        _Batch(runtime, owner, folder, taken).run(begin_seconds)


class _Batch:
    """Some jobs that one worker has taken: a few are fetched side by side, and each ends once it is ready."""

    def __init__(self, runtime: Runtime, owner: str, folder: Path, taken: Sequence[Storing]) -> None:
        self._runtime = runtime
        self._owner = owner
        self._folder = folder
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="collect")
        self._jobs = {self._pool.submit(self._fetch, job): job for job in taken}

    def run(self, begin_seconds: float) -> None:
        """Work until every job has been dealt with, or given back."""
        end = monotonic() + begin_seconds
        try:
            while self._jobs:
                self._finish(self._ready(max(end - monotonic(), 0.0)))
                if monotonic() >= end:
                    self._give_back([one for one in self._jobs if one.cancel()])
                    end = math.inf
        finally:
            # A worker that is told to stop waits for no download: others go on with what is not home yet.
            self._over.set()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._give_back(list(self._jobs))

    def _ready(self, seconds: float) -> list[Ready]:
        """What has become ready, waiting for the first; those close behind it come along."""
        done, others = wait(
            self._jobs, timeout=min(seconds, threading.TIMEOUT_MAX), return_when=FIRST_COMPLETED
        )
        if done and others:
            done |= wait(others, timeout=_GATHER_SECONDS).done
        return [ready for one in done if (ready := self._result(one)) is not None]

    def _result(self, future: "Future[Ready | None]") -> Ready | None:
        job = self._jobs.pop(future)
        try:
            return future.result()
        except Exception:
            # A fault with one job must not hold up the others: its lease runs out, and it comes due again.
            log.exception("collect_broke", job_id=str(job.job_id))
            return None

    def _finish(self, ready: Sequence[Ready]) -> None:
        """End all that is ready together; what spoils that for the others is found by going one by one."""
        if not ready:
            return
        try:
            with self._runtime.database.work() as session:
                succeed(self._runtime, session, ready)
        except DatabaseTrouble:
            log.exception("jobs_not_finished", jobs=[str(one.job.job_id) for one in ready])
            if len(ready) > 1:
                for one in ready:
                    self._finish([one])

    def _give_back(self, futures: Sequence["Future[Ready | None]"]) -> None:
        """Let another worker have what was not begun: a slow host or store must not hold up the others."""
        if not futures:
            return
        due = [(self._jobs.pop(one).job_id, self._runtime.clock()) for one in futures]
        try:
            with self._runtime.database.work() as session:
                agenda.reschedule(session, due, owner=self._owner)
        except DatabaseTrouble:
            # The leases run out by themselves.
            log.warning("jobs_not_given_back", count=len(due))

    def _fetch(self, job: Storing) -> Ready | None:
        """Fetch and store a job's files; None when that has to be tried again later, or was given up."""
        try:
            with _slots:
                return self._store_all(job)
        except Unstored as error:
            # A link that has run out may be had anew; the generation itself is never asked for again.
            fresh = fresh_outputs(self._runtime, job.attempt_id) if error.stale else None
            _put_off(self._runtime, job, error, fresh)
            return None

    def _store_all(self, job: Storing) -> Ready:
        check_outputs(job)
        missing = [n for n in range(len(job.outputs)) if n not in job.stored]
        file = None
        for n in missing:
            path = self._folder / f"{job.job_id}-{n}"
            file = store_file(self._runtime, job, n, path, check=self._check)
            if n != missing[-1]:
                # What was fetched so far is not fetched again, should this worker die at the next file.
                with self._runtime.database.work() as session:
                    storing.keep(session, [job.job_id], [file])
        return Ready(job, file)

    def _check(self) -> None:
        if self._over.is_set():
            raise _GivenUp


def _put_off(runtime: Runtime, work: Storing, error: Unstored, fresh: list[dict[str, Any]] | None) -> None:
    """Try again later, for as long as that may help; the cost stays booked whatever comes of it."""
    at = runtime.clock()
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, work.attempt_id)
        if job.status != JobStatus.STORING:
            return
        attempt.store_tries += 1
        attempt.outputs = fresh or attempt.outputs
        age = (at - (attempt.detected_at or at)).total_seconds()
        pause = pause_before(error.trouble, tries=attempt.store_tries, age=age)
        failure = error.failure
        log.warning("store_failed", job_id=str(job.id), code=failure.code, tries=attempt.store_tries)
        data = {"error": failure.as_json(), "tries": attempt.store_tries, "again_in_seconds": pause}
        jobs.note(session, job.id, "store_failed", at, attempt=attempt.number, data=data)
        if pause is not None:
            agenda.schedule(session, job, at + timedelta(seconds=pause))
        else:
            jobs.move_attempt(session, attempt, AttemptStatus.FAILED, ended_at=at, error=failure.as_json())
            ending.end(runtime, session, job, JobStatus.FAILED, failure)
