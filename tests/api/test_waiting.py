"""Waiting for the end of a job over HTTP."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.waiting import Ends
from services.runtime import Runtime
from storage.records import JobRecord
from tests.support.front import Project, migrated, new_project, running_parts, served
from tests.support.postgres import Postgres, plain
from tests.support.rows import a_job, end_job, keep
from tests.support.until import until


@dataclass(frozen=True, slots=True)
class Waiters:
    """A server of its own, and who waits there for one open job."""

    project: Project
    job: JobRecord
    ends: Ends

    def come_to(self, count: int) -> None:
        """Go on once ``count`` requests wait."""
        until(lambda: self.ends.waiting == count, f"{count} waiting")


@pytest.fixture
def here(runtime: Runtime) -> Iterator[Waiters]:
    app = create_app(runtime)
    with served(app) as address:
        project = new_project(runtime, address)
        job = a_job(project_id=project.id)
        keep(runtime, job)
        yield Waiters(project, job, app.state.parts.ends)


def test_the_end_of_a_job_answers_everyone_who_waits(here: Waiters) -> None:
    path = f"/v1/jobs/{here.job.id}?wait=60"
    with here.project.client() as client, ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(client.get, path) for _ in range(10)]
        here.come_to(10)
        end_job(here.project.runtime, here.job.id)
        ended = time.monotonic()
        assert {answer.result().json()["status"] for answer in answers} == {"canceled"}
        assert time.monotonic() - ended < 1.5
    here.come_to(0)


def test_an_open_job_is_answered_as_it_is_when_the_time_is_over(here: Waiters) -> None:
    with here.project.client() as client:
        answer = client.get(f"/v1/jobs/{here.job.id}?wait=0.3")
    assert answer.json()["status"] == "queued"
    assert answer.elapsed.total_seconds() >= 0.3
    here.come_to(0)


def test_a_preference_waits_too_and_is_told(here: Waiters) -> None:
    with here.project.client() as client:
        answer = client.get(f"/v1/jobs/{here.job.id}", headers={"Prefer": 'respond-async, wait="1"'})
        other = client.get(f"/v1/jobs/{here.job.id}", headers={"Prefer": "waiting=9"})
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.elapsed.total_seconds() >= 1
    assert "preference-applied" not in other.headers


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon"])
def test_a_wait_out_of_bounds_is_refused(client: httpx.Client, project: Project, wait: str) -> None:
    job = a_job(project_id=project.id)
    keep(project.runtime, job)
    answer = client.get(f"/v1/jobs/{job.id}", params={"wait": wait})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "wait")


def test_a_lost_notice_costs_seconds_only(here: Waiters) -> None:
    runtime = here.project.runtime
    with here.project.client() as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, f"/v1/jobs/{here.job.id}?wait=60")
        here.come_to(1)
        with psycopg.connect(plain(runtime.database.url)) as connection:
            silently = "UPDATE jobs SET status = 'failed', ended_at = now() WHERE id = %s"
            connection.execute(silently, [here.job.id])
        assert answer.result(timeout=60).json()["status"] == "failed"


def test_a_database_that_goes_away_ends_no_wait_early(server: Postgres, tmp_path: Path) -> None:
    database = server.database(migrated(server))
    with running_parts(database, tmp_path) as runtime, capture_logs() as logs:
        app = create_app(runtime)
        with served(app) as url:
            project = new_project(runtime, url)
            job = a_job(project_id=project.id)
            keep(runtime, job)
            with project.client() as client, ThreadPoolExecutor(1) as pool:
                answer = pool.submit(client.get, f"/v1/jobs/{job.id}?wait=5")
                here = Waiters(project, job, app.state.parts.ends)
                here.come_to(1)
                # Whoever waits has asked once before they are answered too.
                client.get(f"/v1/jobs/{job.id}")
                server.drop(database)
                until(lambda: any(entry["event"] == "ends_not_read" for entry in logs), "a vain question")
                assert not answer.done()


def test_a_client_that_leaves_is_not_waited_for(here: Waiters) -> None:
    with here.project.client() as client, pytest.raises(httpx.ReadTimeout):
        client.get(f"/v1/jobs/{here.job.id}?wait=60", timeout=0.5)
    here.come_to(0)
