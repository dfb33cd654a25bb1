"""Batches over HTTP: shown, listed, changed, paused, resumed, canceled, retried."""

from uuid import uuid4

import httpx
import pytest

from services.access import Scope
from services.runtime import Runtime
from tests.support.front import Project, new_project

SHEET = b"prompt,model\na red kite,kling-v3\n"


@pytest.fixture
def batch_id(client: httpx.Client) -> str:
    answer = client.post("/v1/batches", content=SHEET, headers={"Content-Type": "text/csv"})
    made: str = answer.json()["id"]
    return made


def test_a_batch_goes_through_what_is_asked_of_it(client: httpx.Client, batch_id: str) -> None:
    for call, state, effect in (
        ("pause", "paused", "paused"),
        ("resume", "reading", "resumed"),
        ("cancel", "canceling", "canceled"),
    ):
        answer = client.post(f"/v1/batches/{batch_id}/{call}")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["state"], answer.json()["done"]["effect"]) == (state, effect)
        assert client.get(f"/v1/batches/{batch_id}").json()["state"] == state


@pytest.mark.parametrize("call", ["resume", "retry"])
def test_what_does_not_go_in_its_state_is_a_conflict_that_names_it(
    client: httpx.Client, batch_id: str, call: str
) -> None:
    answer = client.post(f"/v1/batches/{batch_id}/{call}")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["current_status"]) == (409, "wrong_state", "reading")


def test_a_batch_can_be_resumed_with_another_budget(client: httpx.Client, batch_id: str) -> None:
    client.post(f"/v1/batches/{batch_id}/pause")
    answer = client.post(f"/v1/batches/{batch_id}/resume", json={"budget_usd": "3"})
    assert (answer.json()["state"], answer.json()["budget"]["usd"]) == ("reading", "3")


def test_name_and_budget_can_be_changed_and_taken_away(client: httpx.Client, batch_id: str) -> None:
    changed = client.patch(f"/v1/batches/{batch_id}", json={"name": "spring", "budget_usd": "40"}).json()
    assert (changed["name"], changed["budget"]["nano_usd"]) == ("spring", 40_000_000_000)
    kept = client.patch(f"/v1/batches/{batch_id}", json={}).json()
    assert (kept["name"], kept["budget"]["usd"], kept["done"]["message"]) == (
        "spring",
        "40",
        "changed: nothing",
    )
    gone = client.patch(f"/v1/batches/{batch_id}", json={"name": None, "budget_usd": None}).json()
    assert (gone["name"], gone["budget"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"budget_usd": "0"}, "budget_usd"), ({"budget_usd": 5}, "budget_usd"), ({"budget": "5"}, "budget")],
)
def test_a_change_that_is_wrong_names_the_field(
    client: httpx.Client, batch_id: str, body: dict[str, object], field: str
) -> None:
    for answer in (
        client.patch(f"/v1/batches/{batch_id}", json=body),
        client.post(f"/v1/batches/{batch_id}/resume", json=body),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_batches_are_listed_by_pages_and_by_state(client: httpx.Client, batch_id: str) -> None:
    other = client.post("/v1/batches", content=SHEET, headers={"Content-Type": "text/csv"}).json()["id"]
    page = client.get("/v1/batches", params={"limit": 1}).json()
    assert [one["id"] for one in page["data"]] == [other]
    rest = client.get("/v1/batches", params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == ([batch_id], None)
    client.post(f"/v1/batches/{batch_id}/pause")
    assert [one["id"] for one in client.get("/v1/batches?state=paused").json()["data"]] == [batch_id]
    assert client.get("/v1/batches?state=sleeping").status_code == 422
    assert client.get("/v1/batches?status=paused").json()["code"] == "invalid_query"


def test_others_do_not_see_a_batch(client: httpx.Client, runtime: Runtime, batch_id: str) -> None:
    url = str(client.base_url)
    with new_project(runtime, url).client() as stranger:
        assert stranger.get(f"/v1/batches/{batch_id}").status_code == 404
        for call in ("pause", "resume", "cancel", "retry"):
            assert stranger.post(f"/v1/batches/{batch_id}/{call}").status_code == 404
        assert stranger.patch(f"/v1/batches/{batch_id}", json={}).status_code == 404
    assert client.get(f"/v1/batches/{uuid4()}").status_code == 404


def test_who_may_only_read_changes_nothing(project: Project, batch_id: str) -> None:
    with project.client(Scope.READ) as reader:
        assert reader.get(f"/v1/batches/{batch_id}").status_code == 200
        assert reader.post(f"/v1/batches/{batch_id}/cancel").status_code == 403
