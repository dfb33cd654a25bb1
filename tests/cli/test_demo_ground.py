"""Where the demo may play: never where real money could be spent."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from cli.demo.ground import ground, insist_on_sandbox
from cli.demo.truth import Truth
from cli.errors import Failed, Misused, Unreachable
from cli.output import Output
from cli.stack.ports import free_port
from sandbox.testing import SandboxServer
from services.settings import Settings
from tests.cli.conftest import Darkroom
from tests.support.apps import failing


def models(*offers: tuple[str, bool, bool]) -> dict[str, Any]:
    listed = [{"provider": name, "configured": there, "sandbox": sandbox} for name, there, sandbox in offers]
    return {"data": [{"id": "a-model", "offers": listed}]}


SANDBOX = models(("fal", True, True), ("linkmodel", True, True))


def test_two_sandboxes_are_fine() -> None:
    insist_on_sandbox(SANDBOX)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (models(("fal", True, False), ("linkmodel", True, True)), "the key of fal is set"),
        (models(("fal", True, False), ("linkmodel", True, False)), "the key of fal and linkmodel is set"),
        (models(("fal", True, True), ("linkmodel", False, False)), "in the place of linkmodel"),
    ],
)
def test_a_provider_that_is_no_sandbox_is_refused(found: dict[str, Any], said: str) -> None:
    with pytest.raises(Misused, match=said):
        insist_on_sandbox(found)


@pytest.mark.parametrize("key", ["FAL_KEY", "LINKMODEL_API_KEY"])
def test_with_a_real_key_nothing_is_started(
    key: str, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    monkeypatch.setenv(key, "a-real-key")
    ended = darkroom("demo")
    assert ended.code == 2
    assert "the demo never spends real money" in ended.err
    assert "starting" not in ended.err


@pytest.fixture
def running(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """What looks like a Darkroom on the sandbox."""
    httpserver.expect_request("/healthz").respond_with_json({"status": "ok"})
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
    return httpserver


def test_a_running_darkroom_with_a_real_provider_is_refused(running: HTTPServer, darkroom: Darkroom) -> None:
    running.expect_request("/v1/models").respond_with_json(models(("fal", True, False)))
    ended = darkroom("demo")
    assert ended.code == 2
    assert "the demo never spends real money" in ended.err
    assert not [request for request, _ in running.log if request.method == "POST"]


def test_a_running_darkroom_whose_sandbox_is_not_known_is_refused(
    running: HTTPServer, darkroom: Darkroom
) -> None:
    running.expect_request("/v1/models").respond_with_json(SANDBOX)
    ended = darkroom("demo")
    assert ended.code == 2
    assert "set DARKROOM_SANDBOX_URL" in ended.err


def test_the_sandbox_of_a_running_darkroom_is_found_in_its_data_folder(
    running: HTTPServer, tmp_path: Path
) -> None:
    running.expect_request("/v1/models").respond_with_json(SANDBOX)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "stack.json").write_text(json.dumps({"sandbox_url": "http://127.0.0.1:9"}))
    with ground(Settings(), Output()) as place:
        assert place.sandbox_url == "http://127.0.0.1:9"
        place.check()


def test_a_sandbox_that_is_gone_is_said(
    running: HTTPServer, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.expect_request("/v1/models").respond_with_json(SANDBOX)
    monkeypatch.setenv("DARKROOM_SANDBOX_URL", f"http://127.0.0.1:{free_port()}")
    ended = darkroom("demo")
    assert ended.code == 3
    assert "no sandbox answers at" in ended.err


def test_what_is_no_sandbox_is_not_taken_for_one(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/control/health").respond_with_json({"ok": True})
    with (
        Truth(httpserver.url_for("").rstrip("/")) as truth,
        pytest.raises(Unreachable, match="not the sandbox"),
    ):
        truth.insist()
    with SandboxServer() as sandbox, Truth(sandbox.url) as truth:
        truth.insist()


def test_a_darkroom_that_is_named_must_be_there(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_URL", f"http://127.0.0.1:{free_port()}")
    ended = darkroom("demo")
    assert ended.code == 3
    assert "No Darkroom answers at" in ended.err


def test_a_stack_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    apps = failing("import sys; print('no such thing'); sys.exit(3)")
    with pytest.raises(Failed, match=r"no such thing\nmigrate failed with exit code 3"):  # noqa: SIM117
        with ground(Settings(), Output(), apps):
            raise AssertionError("the demo must not play")
