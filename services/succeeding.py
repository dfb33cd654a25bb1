"""How jobs succeed: all that are ready at once, each with its files, its cost and what its customer hears."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from domain.lifecycle import JobStatus
from services.events import TYPES, body_of
from services.runtime import Runtime
from services.totals import known, total
from storage.database import Session
from storage.records import AssetRecord, AttemptRecord, JobRecord
from storage.records.columns import new_id
from storage.steps import storing
from storage.steps.storing import End, StoredFile, Storing, Total


@dataclass(frozen=True, slots=True)
class Ready:
    """A job whose files all lie in the object store; ``file`` is the one that is not written down yet."""

    job: Storing
    file: StoredFile | None


class _OfJob(Protocol):
    @property
    def job_id(self) -> UUID: ...


_Row = TypeVar("_Row", bound=_OfJob)


def succeed(runtime: Runtime, session: Session, ready: Sequence[Ready]) -> Sequence[UUID]:
    """Bring jobs to their end, in one unit of work and few statements however many they are.

    Answers those that were moved: one that is no longer ``storing`` was finished by another worker.
    """
    at = runtime.clock()
    ids = [one.job.job_id for one in ready]
    held = storing.keep(session, ids, [one.file for one in ready if one.file is not None])
    attempt_ids = [one.job.attempt_id for one in ready]
    attempts = _by_job(storing.succeed_attempts(session, attempt_ids, list(held), at))
    if not attempts:
        return []
    totals = {job_id: _total(job_id, tried, held[job_id]) for job_id, tried in attempts.items()}
    moved = storing.succeed_jobs(session, list(totals.values()), at)
    assets = _by_job(storing.assets_of(session, list(attempts)))
    works = {one.job.job_id: one.job for one in ready}
    ends = [
        _end(job, works[job.id], attempts[job.id], assets[job.id], released=totals[job.id].released, at=at)
        for job in moved
    ]
    storing.tell(session, ends, TYPES[JobStatus.SUCCEEDED], at)
    return [job.id for job in moved]


def _total(job_id: UUID, attempts: Sequence[AttemptRecord], reserved: int) -> Total:
    return Total(job_id, **total(attempts), released=reserved if known(attempts) else 0)


def _end(
    job: JobRecord,
    work: Storing,
    attempts: Sequence[AttemptRecord],
    assets: Sequence[AssetRecord],
    *,
    released: int,
    at: datetime,
) -> End:
    return End(
        job_id=job.id,
        project_id=job.project_id,
        number=work.number,
        files=len(work.outputs),
        released=released,
        event_id=new_id(),
        body=body_of(job, attempts, assets, at=at),
        delivery_id=new_id(),
        url=job.callback_url,
    )


def _by_job(rows: Iterable[_Row]) -> Mapping[UUID, Sequence[_Row]]:
    groups: dict[UUID, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[row.job_id].append(row)
    return groups
