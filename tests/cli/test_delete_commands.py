"""Erasing from the command line: asked before, and told what stays."""

import io
import sys

import pytest

from services import shredding
from tests.cli.conftest import Darkroom
from tests.support.finished_batches import a_batch
from tests.support.front import Project
from tests.support.rows import NOON, a_job, an_attempt, end_job, keep


def submitted(darkroom: Darkroom) -> str:
    job: str = darkroom("submit", "kling-v3", "a red kite", "--json").json["id"]
    return job


def test_a_job_is_erased_and_shown_so(darkroom: Darkroom, project: Project) -> None:
    job = a_job(project_id=project.id, status="failed", ended_at=NOON)
    keep(project.runtime, job, an_attempt(job, status="failed", detected_at=NOON))
    told = darkroom("jobs", "delete", job.id, "--yes")
    assert told.code == 0
    assert "pending: within seconds" in told.out
    again = darkroom("jobs", "delete", job.id, "--yes", "--json").json
    assert again["erasure"]["record"]["state"] == "erased"
    shredding.sweep(project.runtime)
    assert "no call to erase" in darkroom("jobs", "delete", job.id, "--yes").out
    assert "(erased)" in darkroom("jobs", "show", job.id).out


def test_a_job_that_is_not_over_is_refused(darkroom: Darkroom, project: Project) -> None:
    job = submitted(darkroom)
    told = darkroom("jobs", "delete", job, "--yes")
    assert (told.code, "cancel it first" in told.err) == (2, True)
    end_job(project.runtime, a_job(id=job).id)


def test_nothing_is_erased_where_nobody_can_be_asked(darkroom: Darkroom, project: Project) -> None:
    job = a_job(project_id=project.id, status="failed", ended_at=NOON)
    keep(project.runtime, job)
    told = darkroom("jobs", "delete", job.id)
    assert (told.code, "add --yes" in told.err) == (2, True)
    assert "a red kite" in darkroom("jobs", "show", job.id).out


def test_a_batch_is_erased_with_its_jobs(darkroom: Darkroom, project: Project) -> None:
    batch = a_batch(project.runtime, project.id, b"prompt\na\n", state="completed", ended_at=NOON)
    [job] = batch.jobs([0], "succeeded")
    told = darkroom("batch", "delete", batch.record.id, "--yes")
    assert (told.code, "1 to go" in told.out) == (0, True)
    for _ in range(3):
        shredding.sweep(project.runtime)
    assert "(erased)" in darkroom("jobs", "show", job.id).out


class _Person(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("n", "a red kite"), ("y", "(erased)")])
def test_a_person_is_asked_before(
    darkroom: Darkroom, project: Project, monkeypatch: pytest.MonkeyPatch, typed: str, left: str
) -> None:
    job = a_job(project_id=project.id, status="failed", ended_at=NOON)
    keep(project.runtime, job)
    monkeypatch.setattr(sys, "stdin", _Person(f"{typed}\n"))
    assert darkroom("jobs", "delete", job.id).code == 0
    assert left in darkroom("jobs", "show", job.id).out
