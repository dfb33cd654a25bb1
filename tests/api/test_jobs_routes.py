"""Asking for jobs over HTTP."""

import json
from uuid import UUID, uuid4

import httpx
import pytest

from services.runtime import Runtime
from storage import jobs
from tests.support.front import Project, new_project
from tests.support.rows import a_job, end_job, keep

BODY = {"model": "kling-v3", "input": {"prompt": "a red kite", "duration": 5, "resolution": "720p"}}


def test_an_accepted_job_is_answered_with_its_place_and_its_price(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs", json=BODY | {"tags": {"client": "acme"}})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert "idempotency-replayed" not in answer.headers
    assert (job["status"], job["kind"], job["tags"]) == ("queued", "video", {"client": "acme"})
    assert job["input"] == {"prompt": "a red kite", "duration": 5, "resolution": "720p", "extra": {}}
    assert job["cost"] is None
    assert job["sandbox"] is False


def test_what_the_provider_alone_knows_reaches_the_row_as_it_was_written(
    client: httpx.Client, runtime: Runtime
) -> None:
    extra = '{"whole": 12345678901234567890123, "part": 0.1, "tiny": 1e-7, "text": "\\u00e9\\ud83d\\ude00"}'
    body = f'{{"model": "fal:acme/own-app", "kind": "image", "input": {{"prompt": "x", "extra": {extra}}}}}'
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    with runtime.database.work() as session:
        job = jobs.job(session, UUID(answer.json()["id"]))
    assert job is not None
    assert job.input["extra"] == {"whole": 12345678901234567890123, "part": 0.1, "tiny": 1e-7, "text": "é😀"}


def test_the_same_key_and_body_replay_the_first_answer(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/v1/jobs", json=BODY, headers=headers)
    reordered = json.dumps(dict(reversed(BODY.items())), indent=2)
    typed = headers | {"Content-Type": "application/json; charset=utf-8"}
    again = client.post("/v1/jobs", content=reordered, headers=typed)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.get("/v1/jobs").json()["data"]) == 1


def test_the_same_key_with_another_body_is_an_error(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    client.post("/v1/jobs", json=BODY, headers=headers)
    other = client.post("/v1/jobs", json=BODY | {"priority": "low"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_another_projects_key_is_another_key(client: httpx.Client, runtime: Runtime, url: str) -> None:
    first = client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "shared"})
    with new_project(runtime, url).client() as stranger:
        other = stranger.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "shared"})
    assert other.status_code == 202
    assert other.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("key", ["", "with space", "k" * 256, "é"])
def test_an_idempotency_key_that_is_none_is_refused(client: httpx.Client, key: str) -> None:
    headers = httpx.Headers({"Idempotency-Key": key}, encoding="utf-8")
    answer = client.post("/v1/jobs", json=BODY, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_header")
    assert problem["errors"] == [
        {"field": "idempotency-key", "message": "must be 1 to 255 visible ASCII characters without spaces"}
    ]


def test_each_wrong_field_is_named_with_what_would_be_right(client: httpx.Client) -> None:
    body = {
        "model": "kling-v3",
        "prompt": "at the wrong place",
        "input": {"prompt": "x", "durration": 5, "aspect_ratio": "wide", "seed": -1},
        "routing": {"policy": "best", "max_cost_usd": "a lot"},
    }
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {fault["field"]: fault["message"] for fault in answer.json()["errors"]} == {
        "input.aspect_ratio": "must be a ratio like 16:9",
        "input.seed": "must be 0 or more",
        "input.durration": "is not known: did you mean duration?",
        "routing.policy": "must be 'cheapest', 'predictable', 'fastest' or 'quality'",
        "routing.max_cost_usd": "'a lot' is not an amount in dollars: write it like 0.50",
        "prompt": "is not known: it belongs in input: give input.prompt",
    }


def test_a_refusal_of_the_services_names_its_field(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs", json=BODY | {"model": "klng-v3"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "unknown_model")
    assert problem["errors"][0]["field"] == "model"
    assert "kling-v3" in problem["detail"]
    assert problem["instance"] == "/v1/jobs"


def test_a_callback_into_a_private_network_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs", json=BODY | {"callback_url": "http://169.254.169.254/latest"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "callback_url"


def test_a_waiting_job_is_canceled_at_once_and_only_once(client: httpx.Client) -> None:
    job_id = client.post("/v1/jobs", json=BODY).json()["id"]
    answer = client.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert answer.json()["cancellation"]["effect"] == "canceled"
    assert answer.json()["cost"] == {"nano_usd": 0, "usd": "0", "basis": "not_billed", "final": True}
    again = client.post(f"/v1/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["status"]) == (409, 409)


def test_a_canceled_job_runs_again_on_request(client: httpx.Client) -> None:
    job_id = client.post("/v1/jobs", json=BODY).json()["id"]
    waiting = client.post(f"/v1/jobs/{job_id}/retry")
    assert waiting.status_code == 409
    client.post(f"/v1/jobs/{job_id}/cancel")
    again = client.post(f"/v1/jobs/{job_id}/retry")
    assert (again.status_code, again.json()["status"], again.json()["ended_at"]) == (200, "queued", None)


@pytest.mark.parametrize("deed", ["cancel", "retry"])
def test_others_jobs_and_no_jobs_look_the_same(client: httpx.Client, deed: str, project: Project) -> None:
    other = new_project(project.runtime)
    job = a_job(project_id=other.id)
    keep(project.runtime, job)
    answers = [client.post(f"/v1/jobs/{job_id}/{deed}") for job_id in (job.id, uuid4(), "not-an-id")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["code"] for answer in answers} == {"not_found"}


def test_a_job_that_has_ended_says_so_when_it_is_canceled(client: httpx.Client, project: Project) -> None:
    job = a_job(project_id=project.id)
    keep(project.runtime, job)
    end_job(project.runtime, job.id)
    answer = client.post(f"/v1/jobs/{job.id}/cancel")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["current_status"]) == (409, "job_ended", "canceled")
