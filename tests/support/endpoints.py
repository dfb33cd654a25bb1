"""What tests do with the endpoints of a project over HTTP."""

from typing import Any
from uuid import UUID

import httpx

from services.deliver import deliver
from storage.records import EventRecord
from tests.support.front import Project
from tests.support.rows import keep


def make(client: httpx.Client, url: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = client.post("/v1/webhook-endpoints", json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def happen(project: Project, type_: str = "job.failed") -> EventRecord:
    """An event is written, by whatever path."""
    event = EventRecord(
        project_id=project.id, type=type_, body=f'{{"type": "{type_}"}}', created_at=project.runtime.clock()
    )
    keep(project.runtime, event)
    return event


def waiting(client: httpx.Client, endpoint_id: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/deliveries", params={"endpoint_id": endpoint_id, **query})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def tell(project: Project, client: httpx.Client, endpoint_id: str) -> list[dict[str, Any]]:
    """Try whatever waits for the endpoint, once."""
    ids = [UUID(one["id"]) for one in waiting(client, endpoint_id, status="pending")]
    deliver(project.runtime, ids, owner="worker:test")
    return waiting(client, endpoint_id)
