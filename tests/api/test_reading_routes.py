"""Reading jobs back over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event

from services.runtime import Runtime
from tests.support.front import Project, new_project
from tests.support.rows import NOON, a_delivery, a_job, an_asset, an_attempt, end_job, keep

BATCH = UUID("0199aa00-0000-7000-8000-000000000000")


@contextmanager
def counted(runtime: Runtime) -> Iterator[list[str]]:
    """The statements that go to the database while the block runs."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(runtime.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(runtime.database.engine, "before_cursor_execute", note)


def test_a_job_is_shown_with_its_attempts_and_files(client: httpx.Client, project: Project) -> None:
    job = a_job(project_id=project.id, status="succeeded", ended_at=NOON + timedelta(seconds=40))
    attempt = an_attempt(job, cost_nano=61_000_000, cost_basis="provider_price", cost_final=True)
    keep(project.runtime, job, attempt, an_asset(attempt))
    shown = client.get(f"/v1/jobs/{job.id}").json()
    assert shown["cost"] == {
        "nano_usd": 61_000_000,
        "usd": "0.061",
        "basis": "provider_price",
        "final": True,
    }
    assert shown["latency"]["total"] == 40.0
    assert [one["number"] for one in shown["attempts"]] == [1]
    assert [one["url"] for one in shown["assets"]] == [f"/v1/jobs/{job.id}/assets/0"]


@pytest.mark.parametrize("rest", ["", "/events", "/assets/0", "?wait=1"])
def test_another_projects_job_is_not_there(client: httpx.Client, project: Project, rest: str) -> None:
    job = a_job(project_id=new_project(project.runtime).id)
    keep(project.runtime, job)
    answers = [client.get(f"/v1/jobs/{one}{rest}") for one in (job.id, uuid4(), "no-id", "%00")]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 4


def test_pages_hold_every_job_once_the_newest_first(client: httpx.Client, project: Project) -> None:
    rows = [a_job(project_id=project.id) for _ in range(5)]
    keep(project.runtime, *rows)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        page = client.get("/v1/jobs", params={"limit": "2", **cursor}).json()
        seen += [job["id"] for job in page["data"]]
        sizes.append(len(page["data"]))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [str(row.id) for row in reversed(rows)]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"status": "failed"}, {"status": "failed"}),
        ({"kind": "image"}, {"kind": "image"}),
        ({"model": "flux-dev"}, {"model": "flux-dev"}),
        ({"provider": "fal"}, {"provider": "fal"}),
        ({"batch_id": str(BATCH)}, {"batch_id": BATCH}),
        ({"tag": "client:acme"}, {"tags": {"client": "acme", "more": "x"}}),
        ({"tag": "client:with:colons"}, {"tags": {"client": "with:colons"}}),
        ({"created_after": "2026-11-22T12:00:00Z"}, {"created_at": NOON + timedelta(seconds=1)}),
        ({"created_before": "2026-11-22T14:00:00+02:00"}, {"created_at": NOON - timedelta(seconds=1)}),
    ],
)
def test_each_filter_keeps_what_fits_and_nothing_else(
    client: httpx.Client, project: Project, query: dict[str, str], fits: dict[str, object]
) -> None:
    wanted = a_job(project_id=project.id, **fits)
    keep(project.runtime, wanted, a_job(project_id=project.id))
    found = client.get("/v1/jobs", params=query).json()
    assert [job["id"] for job in found["data"]] == [str(wanted.id)]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("limit=0", "limit", "must be 1 or more"),
        ("limit=201", "limit", "must be 200 or less"),
        ("limit=ten", "limit", "must be a whole number"),
        ("cursor=nonsense", "cursor", "use the next_cursor of an earlier answer as it came"),
        ("cursor=%C3%A9", "cursor", "use the next_cursor of an earlier answer as it came"),
        ("status=done", "status", "must be 'queued', 'submitting', 'running'"),
        ("kind=audio", "kind", "must be 'image' or 'video'"),
        ("provider=auto", "provider", "must be 'linkmodel' or 'fal'"),
        ("model=%00", "model", "must not contain the NUL character"),
        ("tag=acme", "tag", "must be a tag like client:acme"),
        ("tag=a:%00", "tag", "must be a tag like client:acme"),
        ("batch_id=7", "batch_id", "must be an id like"),
        ("created_after=yesterday", "created_after", "must be a time like 2026-01-31T12:00:00Z"),
        ("created_after=2026-01-31T12:00:00", "created_after", "must say its time zone"),
        ("statsu=failed", "statsu", "did you mean status?"),
        ("zzz=1", "zzz", "known here are limit, cursor, status"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(
    client: httpx.Client, query: str, field: str, message: str
) -> None:
    answer = client.get(f"/v1/jobs?{query}")
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert message in fault["message"]


def test_a_long_list_costs_as_many_questions_as_a_short_one(client: httpx.Client, project: Project) -> None:
    rows = [a_job(project_id=project.id) for _ in range(30)]
    keep(project.runtime, *rows, *(an_attempt(row) for row in rows))
    client.get("/v1/jobs")
    with counted(project.runtime) as short:
        client.get("/v1/jobs?limit=1")
    with counted(project.runtime) as long:
        assert len(client.get("/v1/jobs?limit=30").json()["data"]) == 30
    assert len(short) == len(long) > 0


def test_a_timeline_is_told_in_order(client: httpx.Client) -> None:
    body = {"model": "kling-v3", "input": {"prompt": "a red kite"}}
    job_id = client.post("/v1/jobs", json=body).json()["id"]
    client.post(f"/v1/jobs/{job_id}/cancel")
    steps = client.get(f"/v1/jobs/{job_id}/events").json()
    assert [step["type"] for step in steps["data"]] == ["accepted", "queued", "cancel_requested", "canceled"]
    assert sorted(steps["data"], key=lambda step: int(step["id"])) == steps["data"]


def test_deliveries_are_shown_with_every_try(client: httpx.Client, project: Project) -> None:
    job, other = a_job(project_id=project.id), a_job(project_id=project.id)
    told, delivery, refused = a_delivery(job)
    keep(project.runtime, job, other, told, delivery, refused, *a_delivery(other))
    found = client.get("/v1/deliveries", params={"job_id": str(job.id)}).json()
    (shown,) = found["data"]
    assert (shown["id"], shown["event_type"], shown["status"]) == (
        str(delivery.id),
        "job.succeeded",
        "pending",
    )
    assert shown["tries"] == [
        {
            "number": 1,
            "at": "2026-11-22T12:00:00.000Z",
            "status_code": 500,
            "duration_ms": 12,
            "answer": "down",
            "error": None,
        }
    ]
    pages = client.get("/v1/deliveries?limit=1").json()
    following = client.get("/v1/deliveries", params={"cursor": pages["next_cursor"]}).json()
    assert [pages["data"][0]["job_id"], following["data"][0]["job_id"]] == [str(other.id), str(job.id)]


def test_another_projects_deliveries_are_not_there(client: httpx.Client, project: Project) -> None:
    job = a_job(project_id=new_project(project.runtime).id)
    keep(project.runtime, job, *a_delivery(job))
    assert client.get("/v1/deliveries").json()["data"] == []


def test_the_catalogue_says_what_runs_here(client: httpx.Client, runtime: Runtime) -> None:
    listed = client.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == [model.name for model in runtime.catalogue.models()]
    kling = next(model for model in listed if model["id"] == "kling-v3")
    offer = next(offer for offer in kling["offers"] if offer["provider"] == "linkmodel")
    assert (kling["kind"], offer["configured"], offer["sandbox"]) == ("video", True, False)
    assert "prompt" in offer["accepts"]
    assert offer["price"]["since"] == "2026-11-22"


def test_a_quote_sends_nothing_and_makes_nothing(client: httpx.Client) -> None:
    body = {"model": "kling-v3", "input": {"prompt": "a red kite", "duration": 5, "resolution": "720p"}}
    quote = client.post("/v1/quotes", json=body).json()
    assert (quote["object"], quote["model"]) == ("quote", "kling-v3")
    assert [offer["rank"] for offer in quote["offers"]] == list(range(1, len(quote["offers"]) + 1))
    assert client.get("/v1/jobs").json()["data"] == []


def test_an_ended_job_needs_no_waiting(client: httpx.Client, project: Project) -> None:
    job = a_job(project_id=project.id)
    keep(project.runtime, job)
    end_job(project.runtime, job.id)
    answer = client.get(f"/v1/jobs/{job.id}?wait=60")
    assert answer.json()["status"] == "canceled"
    assert answer.elapsed < timedelta(seconds=30)
