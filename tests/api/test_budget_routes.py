"""Budgets over HTTP: set, shown, refused by and removed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from api.app import create_app
from services.access import Scope
from tests.support.finished_batches import a_batch
from tests.support.front import Project, new_project, served

JOB = {
    "model": "kling-v3",
    "input": {"prompt": "a red kite", "duration": 5},
    "routing": {"provider": "linkmodel"},
}
DAY = {"scope": "project", "period": "day", "limit_usd": "0.40", "warn_at": "0.80"}


def put(client: httpx.Client, **body: Any) -> Any:  # noqa: ANN401 - JSON
    answer = client.put("/v1/budgets", json=DAY | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_budget_is_made_shown_changed_and_removed(client: httpx.Client) -> None:
    made = put(client)
    assert (made["left"]["usd"], made["warn_at"], made["scope"], made["tag"]) == (
        "0.4",
        "0.8",
        "project",
        None,
    )
    assert client.get("/v1/budgets").json()["data"] == [made]
    changed = put(client, limit_usd="1", warn_at=None)
    assert (changed["id"], changed["limit"]["usd"], changed["warn_at"]) == (made["id"], "1", None)
    assert client.delete(f"/v1/budgets/{made['id']}").status_code == 204
    assert client.get("/v1/budgets").json()["data"] == []
    assert client.delete(f"/v1/budgets/{made['id']}").status_code == 404


def test_what_a_budget_does_not_cover_is_refused_with_402_and_leaves_its_key_free(
    client: httpx.Client,
) -> None:
    put(client)
    key = {"Idempotency-Key": "once"}
    assert client.post("/v1/jobs", json=JOB, headers=key).status_code == 202
    refused = client.post("/v1/jobs", json=JOB, headers={"Idempotency-Key": "twice"})
    said = refused.json()
    assert (refused.status_code, said["code"], said["budget"]["period"]) == (402, "budget_exceeded", "day")
    assert said["left"]["nano_usd"] < said["may_cost"]["nano_usd"]
    assert client.post("/v1/jobs", json=JOB, headers=key).headers["Idempotency-Replayed"] == "true"
    put(client, limit_usd="10")
    answer = client.post("/v1/jobs", json=JOB, headers={"Idempotency-Key": "twice"})
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (202, False)


def test_hundreds_at_once_at_two_web_processes_are_admitted_exactly_as_far_as_they_fit(
    project: Project, client: httpx.Client
) -> None:
    price = client.post("/v1/jobs", json=JOB).json()["quoted"]["nano_usd"]
    put(client, limit_usd="7")
    headers = {"Authorization": client.headers["Authorization"]}

    async def ask(url: str) -> list[int]:
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, trust_env=False, limits=limits
        ) as asking:
            answers = await asyncio.gather(*(asking.post("/v1/jobs", json=JOB) for _ in range(150)))
        return [answer.status_code for answer in answers]

    async def both(urls: Sequence[str]) -> list[int]:
        one, other = await asyncio.gather(*map(ask, urls))
        return [*one, *other]

    with served(create_app(project.runtime)) as other:
        statuses = asyncio.run(both([project.url, other]))
    fits = (7_000_000_000 - price) // price
    assert (statuses.count(202), statuses.count(402)) == (fits, 300 - fits)
    [budget] = client.get("/v1/budgets").json()["data"]
    assert budget["held"]["nano_usd"] == (fits + 1) * price
    events = client.get("/v1/events").json()["data"]
    assert [event["type"] for event in events] == ["budget.exceeded"]


def test_a_batch_s_own_budget_is_set_here_too(project: Project, client: httpx.Client) -> None:
    batch = a_batch(project.runtime, project.id, b"prompt\na\n", state="running")
    body = {"scope": "batch", "batch_id": str(batch.record.id), "period": "total", "warn_at": None}
    assert put(client, **body)["batch_id"] == str(batch.record.id)
    assert client.get(f"/v1/batches/{batch.record.id}").json()["budget"]["usd"] == "0.4"
    assert client.delete(f"/v1/budgets/{batch.record.id}").status_code == 204


def test_others_see_and_change_nothing_of_it(project: Project, client: httpx.Client) -> None:
    made = put(client)
    other = new_project(project.runtime, project.url)
    with other.client() as theirs:
        assert theirs.get("/v1/budgets").json()["data"] == []
        assert theirs.delete(f"/v1/budgets/{made['id']}").status_code == 404
    with project.client(Scope.READ) as reader:
        assert reader.get("/v1/budgets").status_code == 200
        assert reader.put("/v1/budgets", json=DAY).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"limit_usd": "lots"}, "must be an amount in dollars"),
        ({"warn_at": "0"}, "must be a part of the limit"),
        ({"warn_at": "NaN"}, "must be a part of the limit"),
        ({"warn_at": "half"}, "must be a part of the limit"),
        ({"warn_at": "0.8001"}, "must be a part of the limit"),
        ({"scope": "tag"}, "tag goes with the scope tag"),
        ({"tag": {"name": "client", "value": "acme"}}, "tag goes with the scope tag"),
        ({"scope": "batch"}, "batch_id goes with the scope batch"),
        ({"scope": "batch", "batch_id": "0199aa00-0000-7000-8000-000000000000"}, "give the period total"),
        ({"period": "week"}, "period"),
    ],
)
def test_what_is_wrong_with_a_budget_is_named(client: httpx.Client, wrong: dict[str, Any], said: str) -> None:
    answer = client.put("/v1/budgets", json=DAY | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert said in answer.json()["detail"]
