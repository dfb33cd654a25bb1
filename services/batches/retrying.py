"""The failed rows of a batch once more: what is made and paid for is only fetched again."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from domain.batches import BatchState
from services import again
from services.batches.controls import done, locked, require, rows
from services.refusals import Conflict
from services.runtime import Runtime
from storage import agenda
from storage.batches import controls, states
from storage.records import BatchRecord

_RETRYABLE: Final = frozenset(
    {BatchState.COMPLETED, BatchState.CANCELED, BatchState.RUNNING, BatchState.PAUSED}
)
_ROWS: Final = 5_000


def retry(runtime: Runtime, *, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """Run the failed rows of a batch again, and no others.

    They wait for their turn as all rows do, within the batch's budget. A batch that was over runs again and
    completes once more; a paused one stays paused.

    Raises:
        NotFound: the project has no such batch.
        Conflict: it is in no state for that, or none of its rows has failed.
    """
    with runtime.database.work() as session:
        require(locked(session, project_id, batch_id), _RETRYABLE, "retried")
        failed = controls.failed_rows(session, batch_id)
    if not failed.to_run and not failed.made:
        raise Conflict("none of its rows has failed: there is nothing to retry", code="nothing_failed")
    # Before the batch runs again, which a batch does only with something left to happen.
    fetched = sum(_fetched_again(runtime, project_id, job_id) for job_id in failed.made)
    run = 0
    for some in _slices(failed.to_run):
        now = runtime.clock()
        with runtime.database.work() as session:
            batch = locked(session, project_id, batch_id)
            require(batch, _RETRYABLE, "retried")
            run += controls.run_again(session, some, now)
            if run or fetched:
                states.reopen(session, batch_id)
            agenda.wake(session)
    with runtime.database.work() as session:
        batch = locked(session, project_id, batch_id)
        return done(runtime, session, batch, "retried", _words(run, fetched, batch))


def _fetched_again(runtime: Runtime, project_id: UUID, job_id: UUID) -> bool:
    # Somebody may have retried the one job meanwhile.
    with suppress(Conflict):
        again.retry(runtime, project_id=project_id, job_id=job_id)
        return True
    return False


def _slices(job_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """At least one, so that a batch also runs again of which files are only fetched."""
    for start in range(0, max(len(job_ids), 1), _ROWS):
        yield job_ids[start : start + _ROWS]


def _words(run: int, fetched: int, batch: BatchRecord) -> str:
    said = [f"{rows(run)} will run again"] if run else []
    said += [f"the files of {rows(fetched)} are fetched again, which costs nothing"] if fetched else []
    paused = ", once the batch is resumed" if batch.state == BatchState.PAUSED and run else ""
    return f"{'; '.join(said) or 'somebody else retried them just now'}{paused}"
