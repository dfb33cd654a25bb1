"""Deciding about an unknown outcome over HTTP."""

from uuid import UUID, uuid4

import httpx
import pytest

from domain.lifecycle import AttemptStatus, JobStatus
from services.access import Scope
from services.runtime import Runtime
from tests.support.front import Project
from tests.support.rows import a_job, an_attempt, keep

_PLAN = [{"provider": "linkmodel", "endpoint": "kling-v3", "high_nano": 305_000_000, "exhausted": False}]


@pytest.fixture
def reviewed(runtime: Runtime, project: Project) -> UUID:
    """A job in review, for which 0.305 USD are held."""
    job = a_job(
        project_id=project.id, status=JobStatus.REVIEW, attempts=1, plan=_PLAN, reserved_nano=305_000_000
    )
    keep(runtime, job, an_attempt(job, status=AttemptStatus.UNKNOWN, provider_request_id=None))
    return job.id


def test_the_choices_are_shown_with_what_each_may_cost(client: httpx.Client, reviewed: UUID) -> None:
    found = client.get(f"/v1/jobs/{reviewed}/resolve")
    assert found.status_code == 200, found.text
    assert found.json()["held"] == {"nano_usd": 305_000_000, "usd": "0.305"}
    assert [choice["action"] for choice in found.json()["choices"]] == ["adopt", "resubmit", "fail"]


def test_a_decision_is_carried_out_and_the_key_that_made_it_is_kept(
    client: httpx.Client, reviewed: UUID
) -> None:
    answer = client.post(f"/v1/jobs/{reviewed}/resolve", json={"action": "fail", "cost_usd": "0.305"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert (job["status"], job["cost"]["usd"], job["cost"]["basis"]) == ("failed", "0.305", "stated")
    steps = client.get(f"/v1/jobs/{reviewed}/events").json()["data"]
    [resolved] = [step for step in steps if step["type"] == "resolved"]
    assert client.headers["authorization"].startswith(f"Bearer {resolved['data']['by']}")
    again = client.post(f"/v1/jobs/{reviewed}/resolve", json={"action": "fail"})
    assert (again.status_code, again.json()["code"]) == (409, "not_resolvable")
    assert again.json()["current_status"] == "failed"


def test_a_provider_that_cannot_be_asked_is_a_503(client: httpx.Client, reviewed: UUID) -> None:
    body = {"action": "adopt", "provider_request_id": "task-9"}
    answer = client.post(f"/v1/jobs/{reviewed}/resolve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "action is required"),
        ({"action": "forget"}, "action must be 'adopt', 'resubmit' or 'fail'"),
        ({"action": "adopt"}, "provider_request_id"),
        ({"action": "adopt", "provider_request_id": "a\nb"}, "must not contain control characters"),
        ({"action": "fail", "provider_request_id": "x"}, "provider_request_id goes with the action adopt"),
        ({"action": "fail", "cost_usd": "-1"}, "cost_usd must be an amount in dollars"),
        ({"action": "fail", "cost_usd": 1}, "cost_usd must be text"),
        ({"action": "adopt", "provider_request_id": "x", "cost_usd": "1"}, "cost_usd goes with resubmit"),
        ({"action": "fail", "because": "x"}, "because is not known"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_named(
    client: httpx.Client, reviewed: UUID, body: dict[str, object], named: str
) -> None:
    answer = client.post(f"/v1/jobs/{reviewed}/resolve", json=body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def test_only_admin_keys_decide(project: Project, reviewed: UUID) -> None:
    with project.client(Scope.SUBMIT) as client:
        assert client.get(f"/v1/jobs/{reviewed}/resolve").status_code == 403
        assert client.post(f"/v1/jobs/{reviewed}/resolve", json={"action": "fail"}).status_code == 403


def test_a_job_that_is_not_there_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/v1/jobs/{uuid4()}/resolve").status_code == 404
