"""Endpoints over HTTP: made, changed, rotated, tried, told, disabled and deleted."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.access import Scope
from services.deliver import deliver
from tests.support.endpoints import happen, make, tell, waiting
from tests.support.front import Project, new_project
from tests.support.rows import a_delivery, a_job, keep


def test_an_endpoint_is_told_of_what_it_wants_and_signed_for_with_its_own_secret(
    project: Project, client: httpx.Client, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("thanks")
    made = make(client, httpserver.url_for("/hook"), event_types=["job.failed", "job.failed"])
    assert made["event_types"] == ["job.failed"]
    happen(project, "job.succeeded")
    event = happen(project)
    [told] = tell(project, client, made["id"])
    assert (told["status"], told["event_type"], told["event_id"]) == (
        "delivered",
        "job.failed",
        str(event.id),
    )
    [(request, _)] = httpserver.log
    assert request.get_data() == event.body.encode()
    Webhook(made["secret"]).verify(request.get_data(), dict(request.headers))
    secret = client.get("/v1/signing-secret").json()["secret"]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(request.get_data(), dict(request.headers))


def test_an_endpoint_that_names_no_types_is_told_of_all(project: Project, client: httpx.Client) -> None:
    made = make(client, "http://127.0.0.1:1/hook")
    for type_ in ("job.succeeded", "batch.completed", "budget.exceeded"):
        happen(project, type_)
    heard = {one["event_type"] for one in waiting(client, made["id"])}
    assert heard == {"job.succeeded", "batch.completed", "budget.exceeded"}


def test_another_project_s_endpoint_hears_nothing_and_is_not_found(
    project: Project, client: httpx.Client
) -> None:
    other = new_project(project.runtime, project.url)
    with other.client() as theirs:
        made = make(theirs, "http://127.0.0.1:1/hook")
        happen(project)
        assert waiting(theirs, made["id"]) == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("POST", "/test")):
        answer = client.request(method, f"/v1/webhook-endpoints/{made['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_secret_is_shown_once_and_not_kept_in_the_clear(project: Project, client: httpx.Client) -> None:
    made = make(client, "http://127.0.0.1:1/hook", description="ours")
    shown = client.get(f"/v1/webhook-endpoints/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert client.get("/v1/webhook-endpoints").json()["data"] == [shown]
    with project.runtime.database.work() as session:
        row = session.connection().execute(
            text("SELECT secret FROM webhook_endpoints WHERE id = :id"), {"id": made["id"]}
        )
        assert made["secret"].encode() not in row.scalar_one()


@pytest.mark.parametrize("of_endpoint", [True, False])
def test_a_replaced_secret_signs_too_for_a_day(
    project: Project, client: httpx.Client, httpserver: HTTPServer, *, of_endpoint: bool
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    hook = httpserver.url_for("/hook")
    if of_endpoint:
        made = make(client, hook)
        old = made["secret"]
        new = client.post(f"/v1/webhook-endpoints/{made['id']}/rotate-secret").json()["secret"]
        happen(project)
        [waits] = waiting(client, made["id"])
    else:
        old = client.get("/v1/signing-secret").json()["secret"]
        new = client.post("/v1/signing-secret/rotate").json()["secret"]
        assert client.get("/v1/signing-secret").json()["secret"] == new
        job = a_job(project_id=project.id)
        keep(project.runtime, job, *a_delivery(job, url=hook))
        [waits] = client.get("/v1/deliveries").json()["data"]
    assert old != new
    delivery_id = UUID(waits["id"])
    deliver(project.runtime, [delivery_id], owner="worker:test")
    [(request, _)] = httpserver.log
    for secret in (old, new):
        Webhook(secret).verify(request.get_data(), dict(request.headers))
    with project.runtime.database.work() as session:
        for table in ("projects", "webhook_endpoints"):
            statement = text(f"UPDATE {table} SET former_until = :at WHERE former_until IS NOT NULL")  # noqa: S608 - two names of ours
            session.connection().execute(statement, {"at": project.runtime.clock() - timedelta(seconds=1)})
    assert client.post(f"/v1/deliveries/{delivery_id}/redeliver").status_code == 202
    deliver(project.runtime, [delivery_id], owner="worker:test")
    (request, _) = httpserver.log[-1]
    assert len(request.headers["webhook-signature"].split()) == 1
    Webhook(new).verify(request.get_data(), dict(request.headers))


@pytest.mark.parametrize(("status", "state"), [(204, "delivered"), (500, "failed")])
def test_a_test_is_sent_once_and_says_what_came_back(
    client: httpx.Client, httpserver: HTTPServer, status: int, state: str
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=status)
    made = make(client, httpserver.url_for("/hook"), event_types=["job.failed"])
    told = client.post(f"/v1/webhook-endpoints/{made['id']}/test").json()
    assert (told["event_type"], told["status"], told["next_at"]) == ("webhook.test", state, None)
    assert [one["status_code"] for one in told["tries"]] == [status]
    [(request, _)] = httpserver.log
    Webhook(made["secret"]).verify(request.get_data(), dict(request.headers))
    assert client.get(f"/v1/webhook-endpoints/{made['id']}").json()["failing_since"] is None
    assert client.post(f"/v1/deliveries/{told['id']}/redeliver").status_code == 409


def test_an_endpoint_that_is_gone_is_disabled_and_others_are_told(
    project: Project, client: httpx.Client, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone").respond_with_data("", status=410)
    gone = make(client, httpserver.url_for("/gone"))
    other = make(client, "http://127.0.0.1:1/hook", event_types=["webhook-endpoint.disabled"])
    happen(project)
    tell(project, client, gone["id"])
    shown = client.get(f"/v1/webhook-endpoints/{gone['id']}").json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "it answered 410: gone")
    assert [one["event_type"] for one in waiting(client, other["id"])] == ["webhook-endpoint.disabled"]
    happen(project)
    [told] = waiting(client, gone["id"])
    assert client.post(f"/v1/deliveries/{told['id']}/redeliver").status_code == 409
    back = client.patch(f"/v1/webhook-endpoints/{gone['id']}", json={"enabled": True}).json()
    assert (back["enabled"], back["disabled_reason"], back["failing_since"]) == (True, None, None)


def test_an_endpoint_that_has_failed_for_five_days_is_disabled_and_its_waiting_given_up(
    project: Project, client: httpx.Client, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=500)
    made = make(client, httpserver.url_for("/hook"))
    happen(project)
    tell(project, client, made["id"])
    shown = client.get(f"/v1/webhook-endpoints/{made['id']}").json()
    assert shown["enabled"]
    assert shown["failing_since"] is not None
    with project.runtime.database.work() as session:
        statement = text("UPDATE webhook_endpoints SET failing_since = :at WHERE id = :id")
        at = project.runtime.clock() - timedelta(days=5, seconds=1)
        session.connection().execute(statement, {"at": at, "id": made["id"]})
    happen(project)
    waits = waiting(client, made["id"], status="pending")
    deliver(project.runtime, [UUID(waits[0]["id"])], owner="worker:test")
    shown = client.get(f"/v1/webhook-endpoints/{made['id']}").json()
    assert not shown["enabled"]
    assert shown["disabled_reason"].startswith("every try has failed for 5 days")
    assert {one["status"] for one in waiting(client, made["id"])} == {"failed"}


def test_a_success_ends_the_failing(project: Project, client: httpx.Client, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data("", status=500)
    httpserver.expect_request("/hook").respond_with_data("")
    made = make(client, httpserver.url_for("/hook"))
    happen(project)
    tell(project, client, made["id"])
    happen(project)
    [new, _] = waiting(client, made["id"])
    deliver(project.runtime, [UUID(new["id"])], owner="worker:test")
    assert client.get(f"/v1/webhook-endpoints/{made['id']}").json()["failing_since"] is None


def test_what_waits_follows_to_a_new_address_and_ends_with_the_endpoint(
    project: Project, client: httpx.Client
) -> None:
    made = make(client, "http://127.0.0.1:1/old")
    happen(project)
    path = f"/v1/webhook-endpoints/{made['id']}"
    changed = client.patch(path, json={"url": "http://127.0.0.1:1/new", "event_types": ["job.review"]}).json()
    assert (changed["url"], changed["event_types"]) == ("http://127.0.0.1:1/new", ["job.review"])
    assert [one["url"] for one in waiting(client, made["id"])] == ["http://127.0.0.1:1/new"]
    assert client.patch(path, json={"event_types": None}).json()["event_types"] is None
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert [one["status"] for one in waiting(client, made["id"])] == ["failed"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://10.0.0.1/hook"},
        {"url": "ftp://example.com/"},
        {"url": "https://example.com/", "event_types": ["job.nothing"]},
        {"url": "https://example.com/", "event_types": []},
        {"url": "https://example.com/", "colour": "red"},
    ],
)
def test_what_is_no_endpoint_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.post("/v1/webhook-endpoints", json=body).status_code == 422


def test_an_endpoint_is_not_changed_into_what_it_may_not_be(client: httpx.Client) -> None:
    path = f"/v1/webhook-endpoints/{make(client, 'http://127.0.0.1:1/hook')['id']}"
    for body in ({"url": "http://169.254.169.254/"}, {"enabled": None}, {"url": None}):
        assert client.patch(path, json=body).status_code == 422


def test_endpoints_are_an_admin_s_to_change(project: Project) -> None:
    with project.client(Scope.SUBMIT) as client:
        assert client.get("/v1/webhook-endpoints").status_code == 200
        body = {"url": "https://example.com/hook"}
        assert client.post("/v1/webhook-endpoints", json=body).status_code == 403
        assert client.post("/v1/signing-secret/rotate").status_code == 403
