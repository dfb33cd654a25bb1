"""The OpenAPI document, and that what it says is so."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.documentation import JOB_EXAMPLE
from api.routes import access, batches, catalogue, costs, deliveries, erasing, jobs, reading, resolve, streams
from services.runtime import Runtime
from tests.support.front import Project, new_project
from tests.support.rows import NOON, a_delivery, a_job, an_asset, an_attempt, keep

Case = schemathesis.Case[Any]

DOCUMENTED = [
    route
    for part in (jobs, resolve, reading, streams, batches, catalogue, costs, deliveries, erasing, access)
    for route in part.router.routes
    # A stream has no end.
    if isinstance(route, APIRoute) and route.name != "follow_batch"
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def full(runtime: Runtime, url: str) -> Project:
    """A project that has one of everything."""
    project = new_project(runtime, url)
    error = {"code": "provider_failed", "message": "no", "provider_code": "500", "retryable": True}
    job = a_job(project_id=project.id, status="succeeded", quoted_nano=1, ended_at=NOON)
    failed = an_attempt(job, status="failed", error=error, cost_nano=0, cost_basis="not_billed")
    attempt = an_attempt(job, number=2, cost_nano=5, cost_basis="catalogue", phases={"generation": 1.5})
    keep(runtime, job, failed, attempt, an_asset(attempt), *a_delivery(job))
    return project


@pytest.fixture(scope="module")
def described(full: Project) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{full.url}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(
    ("method", "path"),
    [(method, route.path) for route in DOCUMENTED for method in sorted(route.methods or ())],
)
def test_any_request_is_answered_as_the_document_says(
    full: Project, described: OpenApiSchema, method: str, path: str, mode: GenerationMode
) -> None:
    cases = described[path][method].as_strategy(generation_mode=mode)
    with full.client() as client:
        key = client.headers["authorization"]
        some_job = client.get("/v1/jobs?limit=1").json()["data"][0]["id"]
        sheet = b"prompt,model\nx,kling-v3\n"
        made = client.post("/v1/batches", content=sheet, headers={"Content-Type": "text/csv"})
        some_batch = made.json()["id"]

    @settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def answered_as_documented(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            _aim(case, some_job, some_batch)
        if isinstance(case.query.get("wait"), int | float):
            case.query["wait"] = min(case.query["wait"], 0.01)
        case.call_and_validate(headers={"Authorization": key}, checks=CHECKS, allow_redirects=False)

    answered_as_documented()


def _aim(case: Case, some_job: str, some_batch: str) -> None:
    """Ask for what there is, where a made-up name would only ever find nothing."""
    if "job_id" in case.path_parameters:
        case.path_parameters["job_id"] = some_job
    if "batch_id" in case.path_parameters:
        case.path_parameters["batch_id"] = some_batch
    if isinstance(case.body, dict) and "model" in case.body:
        case.body["model"] = "fal:acme/own-app"
        case.body["kind"] = "image"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/openapi.json", timeout=60, trust_env=False).json()
    return answer


def test_every_route_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
        if "/v1/" in name:
            assert {"401", "403", "503"} <= set(operation["responses"]), name
            assert operation["security"] == [{"key": []}], name
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")) and name != "GET /readyz":
                assert list(answer["content"]) == ["application/problem+json"], (name, status)


def test_the_document_is_the_same_every_time(document: dict[str, Any], anyone: httpx.Client) -> None:
    assert anyone.get("/openapi.json").json() == document


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(_references(document)) == known


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _references(inner)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/quotes"])
def test_the_example_runs_as_it_stands(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json=dict(JOB_EXAMPLE))
    assert answer.status_code in {200, 202}, answer.text


def test_the_documentation_is_there_to_be_read(anyone: httpx.Client) -> None:
    page = anyone.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
