"""Who may call, and how projects and keys are made over HTTP."""

from contextlib import suppress
from uuid import uuid4

import httpx
import pytest

from services.access import FIRST_PROJECT, Scope, create_project
from services.refusals import Conflict
from services.runtime import Runtime
from storage import access
from tests.support.front import Project, new_project
from tests.support.rows import a_job, keep

NO_JOB = "0199aa00-0000-7000-8000-000000000000"
BODY = {"model": "kling-v3", "input": {"prompt": "a red kite"}}


@pytest.fixture(scope="module")
def first_project(runtime: Runtime, url: str) -> Project:
    """The project whose admins may make projects."""
    with suppress(Conflict):
        create_project(runtime, name=FIRST_PROJECT)
    with runtime.database.work() as session:
        found = access.project_named(session, FIRST_PROJECT)
    assert found is not None
    return Project(runtime, url, found.id)


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Basic ZGs6", "Bearer dk_unknown", "Bearer no key of ours", "bearer \xe9"],
)
def test_without_a_good_key_nothing_is_shown(anyone: httpx.Client, authorization: str | None) -> None:
    headers = {} if authorization is None else httpx.Headers({"Authorization": authorization}, "latin-1")
    answer = anyone.get("/v1/jobs", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="darkroom"')
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        (Scope.READ, "GET", "/v1/jobs", True),
        (Scope.READ, "GET", "/v1/models", True),
        (Scope.READ, "POST", "/v1/quotes", True),
        (Scope.READ, "POST", "/v1/jobs", False),
        (Scope.READ, "POST", f"/v1/jobs/{NO_JOB}/cancel", False),
        (Scope.READ, "POST", f"/v1/jobs/{NO_JOB}/retry", False),
        (Scope.SUBMIT, "GET", "/v1/jobs", True),
        (Scope.SUBMIT, "POST", "/v1/jobs", True),
        (Scope.SUBMIT, "GET", "/v1/keys", False),
        (Scope.SUBMIT, "GET", "/v1/signing-secret", False),
        (Scope.SUBMIT, "POST", "/v1/projects", False),
        (Scope.ADMIN, "GET", "/v1/keys", True),
        (Scope.ADMIN, "POST", "/v1/jobs", True),
    ],
)
def test_a_scope_opens_what_it_covers(
    project: Project, scope: Scope, method: str, path: str, *, allowed: bool
) -> None:
    with project.client(scope) as client:
        answer = client.request(method, path, json=BODY if method == "POST" else None)
    if allowed:
        assert answer.status_code < 300
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert f'scope="{answer.json()["needed_scope"]}"' in answer.headers["www-authenticate"]


def test_a_key_without_the_scope_is_refused_before_its_body_is_read(project: Project) -> None:
    with project.client(Scope.READ) as client:
        answer = client.post("/v1/jobs", content=b"not json")
    assert answer.status_code == 403


def test_a_key_is_shown_once_and_works_until_it_is_revoked(client: httpx.Client, url: str) -> None:
    made = client.post("/v1/keys", json={"name": "render farm", "scope": "submit"})
    key = made.json()
    assert (made.status_code, key["scope"], key["revoked_at"]) == (201, "submit", None)
    assert key["key"].startswith(key["prefix"])
    headers = {"Authorization": f"Bearer {key['key']}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as farm:
        assert farm.get("/v1/jobs").status_code == 200
        assert client.delete(f"/v1/keys/{key['id']}").status_code == 204
        assert farm.get("/v1/jobs").status_code == 401
    listed = {one["id"]: one for one in client.get("/v1/keys").json()["data"]}
    assert listed[key["id"]]["revoked_at"] is not None
    assert "key" not in listed[key["id"]]


def test_revoking_what_is_not_there_is_404(client: httpx.Client, runtime: Runtime, url: str) -> None:
    with new_project(runtime, url).client() as stranger:
        others = stranger.get("/v1/keys").json()["data"][0]["id"]
    answers = [client.delete(f"/v1/keys/{key_id}") for key_id in (others, uuid4(), "x")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_the_last_admin_key_stays(client: httpx.Client) -> None:
    keys = client.get("/v1/keys").json()["data"]
    answers = [client.delete(f"/v1/keys/{key['id']}") for key in keys]
    assert [answer.status_code for answer in answers] == [204, 409]
    assert answers[-1].json()["code"] == "last_admin_key"


def test_a_new_project_comes_with_its_first_key(first_project: Project, url: str) -> None:
    name = f"acme {uuid4()}"
    with first_project.client() as admin:
        made = admin.post("/v1/projects", json={"name": name}).json()
        again = admin.post("/v1/projects", json={"name": name})
        names = [one["name"] for one in admin.get("/v1/projects").json()["data"]]
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert {FIRST_PROJECT, name} <= set(names)
    headers = {"Authorization": f"Bearer {made['api_key']['key']}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as acme:
        assert acme.get("/v1/projects").json()["data"] == [
            {name: made[name] for name in ("id", "object", "name", "created_at")}
        ]


def test_only_the_first_project_makes_projects(client: httpx.Client) -> None:
    answer = client.post("/v1/projects", json={"name": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines"])
def test_a_name_that_is_none_is_refused(client: httpx.Client, name: str) -> None:
    answer = client.post("/v1/keys", json={"name": name, "scope": "read"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")


def test_the_signing_secret_is_the_projects_own(client: httpx.Client, runtime: Runtime, url: str) -> None:
    mine = client.get("/v1/signing-secret")
    with new_project(runtime, url).client() as stranger:
        theirs = stranger.get("/v1/signing-secret").json()
    assert mine.json()["secret"].startswith("whsec_")
    assert mine.json()["secret"] != theirs["secret"]
    assert mine.headers["cache-control"] == "no-store"


def test_a_project_sees_only_its_own_jobs(client: httpx.Client, project: Project) -> None:
    mine, other = a_job(project_id=project.id), a_job(project_id=new_project(project.runtime).id)
    keep(project.runtime, mine, other)
    assert [job["id"] for job in client.get("/v1/jobs").json()["data"]] == [str(mine.id)]
