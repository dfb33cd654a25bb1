"""Deliveries sent again, and events read back."""

import httpx
from pytest_httpserver import HTTPServer

from storage.records import EventRecord
from tests.support.endpoints import happen, make, tell
from tests.support.front import Project

NOWHERE = "01999999-9999-7999-8999-999999999999"


def test_a_delivery_is_sent_again_with_the_same_id_and_its_tries_go_on(
    project: Project, client: httpx.Client, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    made = make(client, httpserver.url_for("/hook"))
    happen(project)
    [told] = tell(project, client, made["id"])
    again = client.post(f"/v1/deliveries/{told['id']}/redeliver")
    assert (again.status_code, again.json()["status"], again.json()["ended_at"]) == (202, "pending", None)
    [told] = tell(project, client, made["id"])
    assert (told["status"], [one["number"] for one in told["tries"]]) == ("delivered", [1, 2])
    ids = {request.headers["webhook-id"] for request, _ in httpserver.log}
    assert ids == {told["event_id"]}
    assert client.post(f"/v1/deliveries/{NOWHERE}/redeliver").status_code == 404


def test_a_time_range_is_sent_again(project: Project, client: httpx.Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    made = make(client, httpserver.url_for("/hook"))
    start = project.runtime.clock()
    for _ in range(3):
        happen(project)
    tell(project, client, made["id"])
    end = project.runtime.clock()
    span = {"after": start.isoformat(), "before": end.isoformat(), "endpoint_id": made["id"]}
    assert client.post("/v1/deliveries/redeliver", json=span).json()["deliveries"] == 0
    span["status"] = "delivered"
    answer = client.post("/v1/deliveries/redeliver", json=span)
    assert (answer.status_code, answer.json()["deliveries"]) == (202, 3)
    assert [len(one["tries"]) for one in tell(project, client, made["id"])] == [2, 2, 2]
    span["before"] = start.isoformat()
    assert client.post("/v1/deliveries/redeliver", json=span).status_code == 422


def test_events_are_read_back_in_pages_exactly_as_signed(project: Project, client: httpx.Client) -> None:
    made = [happen(project, type_) for type_ in ("job.failed", "job.review", "job.failed")]
    page = client.get("/v1/events", params={"limit": 2}).json()
    assert [(one["id"], one["body"]) for one in page["data"]] == [(str(one.id), one.body) for one in made[:2]]
    assert page["has_more"]
    rest = client.get("/v1/events", params={"after": page["data"][-1]["id"]}).json()
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([str(made[2].id)], False)
    failed = client.get("/v1/events", params={"type": "job.failed"}).json()["data"]
    assert [one["id"] for one in failed] == [str(made[0].id), str(made[2].id)]
    assert client.get("/v1/events", params={"after": NOWHERE}).status_code == 422


def test_an_event_that_is_committed_late_is_not_stepped_over(project: Project, client: httpx.Client) -> None:
    late = EventRecord(
        project_id=project.id, type="job.failed", body="{}", created_at=project.runtime.clock()
    )
    late_id = str(late.id)
    with project.runtime.database.work() as session:
        session.add(late)
        session.flush()
        early = happen(project)
        assert late_id < str(early.id)
        seen = client.get("/v1/events").json()["data"]
        assert [one["id"] for one in seen] == [str(early.id)]
    rest = client.get("/v1/events", params={"after": str(early.id)}).json()["data"]
    assert [one["id"] for one in rest] == [late_id]
