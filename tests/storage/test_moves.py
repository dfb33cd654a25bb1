"""Moves: the table is kept by the query, and again by the database where two want to move one row."""

from uuid import UUID

import pytest

from domain.lifecycle import (
    ATTEMPT_MOVES,
    JOB_MOVES,
    AttemptStatus,
    JobStatus,
    MoveRefused,
)
from storage import jobs
from tests.support.engine import Engine
from tests.support.rows import a_job, an_attempt, keep


def kept_job(engine: Engine, status: JobStatus) -> UUID:
    job = a_job(project_id=engine.project_id, status=status)
    keep(engine.runtime, job)
    return job.id


def move_job(engine: Engine, job_id: UUID, to: JobStatus) -> None:
    with engine.runtime.database.work() as session:
        job = jobs.lock_job(session, job_id)
        assert job is not None
        jobs.note(session, job_id, "moved", engine.clock())
        jobs.move_job(session, job, to, provider="moved")


def move_attempt(engine: Engine, attempt_id: UUID, to: AttemptStatus) -> None:
    with engine.runtime.database.work() as session:
        _, attempt = jobs.lock_attempt(session, attempt_id)
        jobs.move_attempt(session, attempt, to)


@pytest.mark.parametrize("old", JobStatus)
def test_a_job_makes_the_moves_of_the_table_and_no_other(engine: Engine, old: JobStatus) -> None:
    for new in JOB_MOVES[old]:
        job_id = kept_job(engine, old)
        move_job(engine, job_id, new)
        assert (engine.job(job_id).status, engine.job(job_id).provider) == (new, "moved")
    for new in set(JobStatus) - JOB_MOVES[old]:
        job_id = kept_job(engine, old)
        with pytest.raises(MoveRefused, match=f"a job that is {old} cannot become {new}"):
            move_job(engine, job_id, new)
        assert (engine.job(job_id).status, engine.job(job_id).provider) == (old, "linkmodel")
        assert engine.steps(job_id) == []


@pytest.mark.parametrize("old", AttemptStatus)
def test_an_attempt_makes_the_moves_of_the_table_and_no_other(engine: Engine, old: AttemptStatus) -> None:
    for new in AttemptStatus:
        job = a_job(project_id=engine.project_id)
        attempt = an_attempt(job, status=old)
        keep(engine.runtime, job, attempt)
        if new in ATTEMPT_MOVES[old]:
            move_attempt(engine, attempt.id, new)
            assert engine.attempt(job.id).status == new
        else:
            with pytest.raises(MoveRefused, match=f"an attempt that is {old} cannot become {new}"):
                move_attempt(engine, attempt.id, new)
            assert engine.attempt(job.id).status == old


@pytest.mark.parametrize("first", sorted(JOB_MOVES[JobStatus.RUNNING]))
def test_the_slower_of_two_who_move_a_job_is_refused(engine: Engine, first: JobStatus) -> None:
    job_id = kept_job(engine, JobStatus.RUNNING)
    with engine.runtime.database.work() as slow:
        seen = jobs.job(slow, job_id)
        assert seen is not None
        move_job(engine, job_id, first)
        with pytest.raises(MoveRefused, match="the job was no longer running"):
            jobs.move_job(slow, seen, JobStatus.STORING)
    assert engine.job(job_id).status == first


def test_the_slower_of_two_who_move_an_attempt_is_refused(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id)
    attempt = an_attempt(job)
    keep(engine.runtime, job, attempt)
    with engine.runtime.database.work() as slow:
        [seen] = jobs.attempts_of(slow, [job.id])
        move_attempt(engine, attempt.id, AttemptStatus.STORING)
        with pytest.raises(MoveRefused, match="the attempt was no longer running"):
            jobs.move_attempt(slow, seen, AttemptStatus.FAILED)
    assert engine.attempt(job.id).status == "storing"
