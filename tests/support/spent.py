"""A job of a project that has cost something, for tests of what is shown of it."""

from typing import Any

from storage import jobs, ledger
from storage.records import JobRecord
from tests.support.front import Project
from tests.support.rows import NOON, a_job, an_attempt


def spent(project: Project, nano: int | None, **fields: Any) -> JobRecord:  # noqa: ANN401 - columns
    """A job that succeeded and has cost this; None is not known."""
    job = a_job(project_id=project.id, status="succeeded", cost_nano=nano, **fields)
    attempt = an_attempt(job, status="succeeded", cost_nano=nano, cost_final=nano is not None)
    with project.runtime.database.work() as session:
        session.add(job)
        session.flush()
        session.add(attempt)
        session.flush()
        ledger.settle(session, job, attempt, NOON)
        jobs.note(session, job.id, "succeeded", NOON)
    return job
