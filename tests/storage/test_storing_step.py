"""Keeping files of jobs that are being stored: each once, and only while its job still waits for it."""

from decimal import Decimal

import pytest

from domain.lifecycle import AttemptStatus, JobStatus
from storage.records import AttemptRecord
from storage.steps import storing
from storage.steps.storing import StoredFile
from tests.support.engine import Engine
from tests.support.rows import NOON, a_job, an_attempt, keep


def storing_attempt(engine: Engine, status: JobStatus = JobStatus.STORING) -> AttemptRecord:
    job = a_job(project_id=engine.project_id, status=status, reserved_nano=5)
    attempt = an_attempt(job, status=AttemptStatus.STORING, phases={"generation": 2.5, "store": 1.0})
    keep(engine.runtime, job, attempt)
    return attempt


def a_file(attempt: AttemptRecord, n: int = 0, size: int = 1) -> StoredFile:
    return StoredFile(
        job_id=attempt.job_id,
        attempt_id=attempt.id,
        number=attempt.number,
        n=n,
        key=f"project/2026/11/22/{attempt.job_id}/{n}.mp4",
        content_type="video/mp4",
        bytes=size,
        sha256="0" * 64,
        width=640,
        height=480,
        duration=Decimal("1.250"),
        sandbox=False,
        fetched_at=NOON,
        stored_at=NOON,
        download=0.25,
        store=0.125,
    )


def test_a_file_that_is_kept_twice_is_kept_and_told_as_it_was_first(engine: Engine) -> None:
    attempt = storing_attempt(engine)
    for size in (1, 2):
        with engine.runtime.database.work() as session:
            assert storing.keep(session, [attempt.job_id], [a_file(attempt, size=size)]) == {
                attempt.job_id: 5
            }
    [asset] = engine.assets(attempt.job_id)
    assert (asset.bytes, asset.duration, asset.created_at) == (1, Decimal("1.250"), NOON)
    [event] = engine.timeline(attempt.job_id)
    assert (event.type, event.attempt) == ("downloaded", 1)
    assert event.data == {"n": 0, "bytes": 1, "content_type": "video/mp4"}


def test_the_times_of_all_files_add_up(engine: Engine) -> None:
    attempt = storing_attempt(engine)
    with engine.runtime.database.work() as session:
        storing.keep(session, [attempt.job_id], [a_file(attempt, n) for n in range(3)])
    assert engine.attempt(attempt.job_id).phases == {"generation": 2.5, "download": 0.75, "store": 1.375}
    assert [event.data["n"] for event in engine.timeline(attempt.job_id)] == [0, 1, 2]


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.STORING}))
def test_a_job_that_has_moved_on_gets_no_file(engine: Engine, status: JobStatus) -> None:
    attempt = storing_attempt(engine, status)
    with engine.runtime.database.work() as session:
        assert storing.keep(session, [attempt.job_id], [a_file(attempt)]) == {}
    assert (list(engine.assets(attempt.job_id)), engine.steps(attempt.job_id)) == ([], [])
    assert engine.attempt(attempt.job_id).phases == {"generation": 2.5, "store": 1.0}
