"""Erasing and retention over HTTP: who may, what is refused, and what is answered."""

from uuid import uuid4

import httpx
import pytest

from services import shredding
from services.access import Scope
from tests.support.finished_batches import a_batch
from tests.support.front import Project
from tests.support.rows import NOON, a_delivery, a_job, an_asset, an_attempt, keep


def a_finished_job(project: Project) -> str:
    job = a_job(project_id=project.id, status="succeeded", ended_at=NOON)
    attempt = an_attempt(job, status="succeeded", cost_nano=5, cost_basis="catalogue", detected_at=NOON)
    keep(project.runtime, job, attempt, an_asset(attempt), *a_delivery(job))
    return str(job.id)


def test_a_job_is_erased_and_keeps_its_amounts(project: Project, client: httpx.Client) -> None:
    path = f"/v1/jobs/{a_finished_job(project)}"
    cost = client.get(path).json()["cost"]
    answer = client.delete(path)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["input"], job["assets"], job["cost"]) == ({}, [], cost)
    assert job["erasure"]["record"]["state"] == "erased"
    assert client.get(f"{path}/assets/0").status_code == 404
    shredding.sweep(project.runtime)
    told = client.get(f"{path}/erasure").json()
    assert told["objects"] == {"state": "erased", "left": 0, "erased": 1}
    [request] = told["provider"]["requests"]
    assert (request["provider"], request["state"]) == ("linkmodel", "impossible")
    assert "no call to erase" in request["message"]
    assert client.get(path).json()["erased_at"] == told["done_at"]
    assert client.delete(path).status_code == 202


def test_a_job_that_is_going_on_is_refused_with_its_state(project: Project, client: httpx.Client) -> None:
    job = a_job(project_id=project.id, status="running")
    keep(project.runtime, job)
    answer = client.delete(f"/v1/jobs/{job.id}")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["current_status"]) == ("job_not_over", "running")


@pytest.mark.parametrize("thing", ["jobs", "batches"])
def test_what_is_not_there_cannot_be_erased(client: httpx.Client, thing: str) -> None:
    assert client.delete(f"/v1/{thing}/{uuid4()}").status_code == 404
    assert client.get(f"/v1/{thing}/{uuid4()}/erasure").status_code == 404


def test_a_batch_is_erased_and_its_results_with_it(project: Project, client: httpx.Client) -> None:
    batch = a_batch(project.runtime, project.id, b"prompt\na\n", state="completed", ended_at=NOON)
    [job] = batch.jobs([0], "succeeded")
    path = f"/v1/batches/{batch.record.id}"
    assert client.get(f"{path}/results.csv").status_code == 200
    assert client.delete(path).json()["erasure"]["objects"] == {"state": "pending", "left": 1, "erased": 0}
    for _ in range(3):
        shredding.sweep(project.runtime)
    assert client.get(f"{path}/erasure").json()["objects"]["erased"] == 1
    gone = client.get(f"{path}/results.csv")
    assert (gone.status_code, gone.json()["code"]) == (409, "batch_erased")
    assert client.get(f"/v1/jobs/{job.id}").json()["input"] == {}
    running = a_batch(project.runtime, project.id, b"prompt\na\n")
    assert client.delete(f"/v1/batches/{running.record.id}").json()["code"] == "batch_not_over"


def test_a_key_that_reads_erases_nothing_and_only_an_admin_sets_periods(project: Project) -> None:
    path = f"/v1/jobs/{a_finished_job(project)}"
    with project.client(Scope.READ) as reader, project.client(Scope.SUBMIT) as submitter:
        assert reader.delete(path).status_code == 403
        assert reader.get("/v1/retention").status_code == 200
        assert submitter.put("/v1/retention", json={"prompt_days": 1, "asset_days": 1}).status_code == 403
        assert submitter.delete(path).status_code == 202


def test_periods_are_set_shown_and_taken_back(client: httpx.Client) -> None:
    for days in ({"prompt_days": 30, "asset_days": None}, {"prompt_days": None, "asset_days": 7}):
        assert client.put("/v1/retention", json=days).json() == {"object": "retention", **days}
        assert client.get("/v1/retention").json() == {"object": "retention", **days}


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"prompt_days": 0, "asset_days": None}, "prompt_days"),
        ({"prompt_days": 4000, "asset_days": None}, "prompt_days"),
        ({"prompt_days": None}, "asset_days"),
        ({"prompt_days": None, "asset_days": None, "days": 1}, "days"),
    ],
)
def test_a_period_that_cannot_be_is_refused_by_name(
    client: httpx.Client, days: dict[str, int | None], field: str
) -> None:
    answer = client.put("/v1/retention", json=days)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert client.get("/v1/retention").json()["prompt_days"] is None
