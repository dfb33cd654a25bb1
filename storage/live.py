"""What those who follow jobs and batches have not seen yet, asked for all of them at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from domain.lifecycle import SETTLED
from storage.records import ApiKeyRecord, BatchRecord, JobEventRecord, JobRecord

# A job's steps are written under its lock, so none becomes visible behind one with a higher id.
_NEWS: Final = text(
    """
    SELECT place.job_id, place.after, jobs.status, step.id, step.type, step.attempt, step.at, step.data
    FROM unnest(CAST(:jobs AS uuid[]), CAST(:after AS bigint[])) AS place(job_id, after)
    JOIN jobs ON jobs.id = place.job_id
    LEFT JOIN LATERAL (
        SELECT * FROM job_events
        WHERE job_events.job_id = place.job_id AND job_events.id > place.after
        ORDER BY job_events.id LIMIT :most) AS step ON true
    WHERE step.id IS NOT NULL OR jobs.status = ANY(:settled)
    ORDER BY place.job_id, place.after, step.id
    """
)

_ONE_SNAPSHOT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

# A job, and the id of the last of its steps that was seen; 0 where none was.
JobPlace = tuple[UUID, int]


@dataclass(slots=True)
class JobNews:
    """What has become of a job: the steps behind a place, and whether it has come to an end."""

    settled: bool
    steps: list[JobEventRecord] = field(default_factory=list)


def one_snapshot(session: Session) -> None:
    """Have all that this unit of work reads be of one moment; to be called before it reads anything."""
    session.connection().execute(_ONE_SNAPSHOT)


def news_of_jobs(session: Session, places: Collection[JobPlace], *, most: int) -> dict[JobPlace, JobNews]:
    """Up to ``most`` steps behind each of the places, in order; a place with nothing to tell is left out."""
    given = {
        "jobs": [job_id for job_id, _ in places],
        "after": [after for _, after in places],
        "most": most,
        "settled": [status.value for status in SETTLED],
    }
    news: dict[JobPlace, JobNews] = {}
    for row in session.connection().execute(_NEWS, given):
        told = news.setdefault((row.job_id, row.after), JobNews(row.status in SETTLED))
        if row.id is not None:
            told.steps.append(
                JobEventRecord(
                    id=row.id,
                    job_id=row.job_id,
                    type=row.type,
                    attempt=row.attempt,
                    at=row.at,
                    data=row.data,
                )
            )
    return news


def has_step(session: Session, job_id: UUID, step_id: int) -> bool:
    """Whether the job's timeline has this step."""
    found = select(JobEventRecord.id).where(JobEventRecord.job_id == job_id, JobEventRecord.id == step_id)
    return session.exec(found).one_or_none() is not None


def jobs_among(session: Session, job_ids: Collection[UUID]) -> Sequence[JobRecord]:
    """The jobs with these ids."""
    return session.exec(select(JobRecord).where(col(JobRecord.id).in_(job_ids))).all()


def batches_among(session: Session, batch_ids: Collection[UUID]) -> Sequence[BatchRecord]:
    """The batches with these ids."""
    return session.exec(select(BatchRecord).where(col(BatchRecord.id).in_(batch_ids))).all()


def good_keys(session: Session, key_ids: Collection[UUID]) -> set[UUID]:
    """Those of the keys that were not revoked."""
    found = select(ApiKeyRecord.id).where(
        col(ApiKeyRecord.id).in_(key_ids), col(ApiKeyRecord.revoked_at).is_(None)
    )
    return set(session.exec(found))
