"""Following the demo's jobs: a live table for people, plain lines elsewhere, silence with JSON."""

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cli.client import Client
from cli.connection import Connection
from cli.demo.callbacks import await_callbacks, signing_secret
from cli.demo.progress import follow
from cli.demo.truth import Truth
from cli.output import Output
from sandbox.testing import SandboxServer
from services.settings import Settings


def a_job(status: str) -> dict[str, Any]:
    return {
        "id": "0199aa00",
        "status": status,
        "model": "flux-dev",
        "provider": "fal",
        "latency": {"total": 1.5},
        "tags": {"scene": "red-kite"},
    }


@pytest.fixture
def client(httpserver: HTTPServer) -> Client:
    statuses = ["running", "running", "storing", "succeeded"]

    def answer(_: Request) -> Response:
        return Response(json.dumps(a_job(statuses.pop(0))), content_type="application/json")

    httpserver.expect_request("/v1/jobs/0199aa00").respond_with_handler(answer)
    return Client(Connection(httpserver.url_for("").rstrip("/"), "dk_test", "a test"))


def no_trouble() -> None:
    """A stack that goes on."""


def test_every_change_is_a_line_where_nobody_watches(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    with client:
        [job] = follow(client, [a_job("queued")], Output(), no_trouble)
    assert job["status"] == "succeeded"
    assert [line.split(" at ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "red-kite: running",
        "red-kite: storing",
        "red-kite: succeeded",
    ]


def test_with_json_nothing_is_said_meanwhile(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    with client:
        follow(client, [a_job("queued")], Output(as_json=True), no_trouble)
    assert capsys.readouterr().err == ""


def test_people_see_a_table(
    client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with client:
        follow(client, [a_job("queued")], Output(), no_trouble)
    shown = capsys.readouterr().err
    assert "flux-dev" in shown
    assert "storing" in shown


def test_patience_ends_and_the_jobs_stand_as_they_are(client: Client) -> None:
    with client:
        [job] = follow(client, [a_job("queued")], Output(), no_trouble, patience=0)
    assert job["status"] == "queued"


def test_callbacks_are_awaited_until_all_have_come() -> None:
    with SandboxServer() as sandbox, Truth(sandbox.url) as truth:
        assert await_callbacks(truth, "x", 1, patience=0) == []
        sandbox.client.post("/callbacks/x", json={}, headers={"webhook-id": "1"})
        sandbox.client.post("/callbacks/x", json={}, headers={"webhook-id": "1"})
        assert len(await_callbacks(truth, "x", 2, patience=0)) == 2
        sandbox.client.post("/callbacks/x", json={}, headers={"webhook-id": "2"})
        assert len(await_callbacks(truth, "x", 2)) == 3


def test_a_secret_that_no_start_left_here_is_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/signing-secret").respond_with_json({"secret": "whsec_x"})
    with Client(Connection(httpserver.url_for("").rstrip("/"), "dk_test", "a test")) as client:
        assert signing_secret(Settings(_env_file=None), client) == "whsec_x"
