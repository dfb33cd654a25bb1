"""Files arrive whole, checked and without the key leaving for another host."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.cli.conftest import Darkroom

FILE = b"a picture" * 1000
JOB_ID = "0199aa00-0000-7000-8000-000000000000"
ASSET = f"/v1/jobs/{JOB_ID}/assets/0"


def the_job(content_type: str = "image/jpeg", data: bytes = FILE) -> dict[str, Any]:
    asset = {
        "url": ASSET,
        "content_type": content_type,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": None,
        "height": None,
        "duration": None,
    }
    return {
        "id": JOB_ID,
        "status": "succeeded",
        "kind": "image",
        "model": "flux-dev",
        "provider": "fal",
        "endpoint": "fal-ai/flux/dev",
        "input": {"prompt": "x"},
        "sandbox": False,
        "quoted": None,
        "cost": None,
        "latency": {"total": 1.0},
        "created_at": "2026-11-22T12:00:00.000Z",
        "ended_at": "2026-11-22T12:00:01.000Z",
        "attempts": [],
        "assets": [asset],
        "tags": {},
        "error": None,
    }


@pytest.fixture
def store(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """The API with one job, whose file lies elsewhere on the same server."""
    base = httpserver.url_for("").rstrip("/")
    monkeypatch.setenv("DARKROOM_URL", base)
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
    httpserver.expect_request(f"/v1/jobs/{JOB_ID}").respond_with_json(the_job())
    redirect = Response(status=307, headers={"Location": f"{base}/bucket/0.jpg?signature=secret"})
    httpserver.expect_request(ASSET).respond_with_handler(lambda _: redirect)
    return httpserver


def test_a_file_arrives_and_the_key_stays_here(store: HTTPServer, darkroom: Darkroom, tmp_path: Path) -> None:
    asked: list[Request] = []

    def serve(request: Request) -> Response:
        asked.append(request)
        return Response(FILE)

    store.expect_request("/bucket/0.jpg").respond_with_handler(serve)
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path / "new" / "folder")
    assert ended.code == 0
    path = tmp_path / "new" / "folder" / f"{JOB_ID}-0.jpg"
    assert path.read_bytes() == FILE
    assert f"saved {path}" in ended.out
    assert "Authorization" not in asked[0].headers


def test_the_files_are_named_to_programs(store: HTTPServer, darkroom: Darkroom, tmp_path: Path) -> None:
    store.expect_request("/bucket/0.jpg").respond_with_data(FILE)
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path, "--json")
    assert ended.json["files"] == [str(tmp_path / f"{JOB_ID}-0.jpg")]


def test_a_file_that_is_there_is_left_alone(store: HTTPServer, darkroom: Darkroom, tmp_path: Path) -> None:
    (tmp_path / f"{JOB_ID}-0.jpg").write_bytes(FILE)
    assert darkroom("jobs", "show", JOB_ID, "--out", tmp_path).code == 0
    assert not [request for request, _ in store.log if request.path.startswith("/bucket")]


def test_other_bytes_are_not_kept(store: HTTPServer, darkroom: Darkroom, tmp_path: Path) -> None:
    store.expect_request("/bucket/0.jpg").respond_with_data(FILE[:-1])
    (tmp_path / f"{JOB_ID}-0.jpg").write_bytes(b"an older one")
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path)
    assert ended.code == 1
    assert "it is not kept" in ended.err
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"an older one"]


def test_a_passing_fault_is_tried_again_with_a_new_link(
    store: HTTPServer, darkroom: Darkroom, tmp_path: Path
) -> None:
    answers = [Response("busy", 503), Response(FILE)]
    store.expect_request("/bucket/0.jpg").respond_with_handler(lambda _: answers.pop(0))
    assert darkroom("jobs", "show", JOB_ID, "--out", tmp_path).code == 0
    assert len([request for request, _ in store.log if request.path == ASSET]) == 2


def test_a_fault_that_stays_is_told_without_the_signed_link(
    store: HTTPServer, darkroom: Darkroom, tmp_path: Path
) -> None:
    store.expect_request("/bucket/0.jpg").respond_with_data("gone", 403)
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path)
    assert ended.code == 1
    assert "the store answered 403" in ended.err
    assert "secret" not in ended.err


def test_a_store_that_is_away_is_told_too(
    httpserver: HTTPServer, darkroom: Darkroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    httpserver.expect_request(f"/v1/jobs/{JOB_ID}").respond_with_json(the_job())
    away = Response(status=307, headers={"Location": "http://127.0.0.1:1/0.jpg?signature=secret"})
    httpserver.expect_request(ASSET).respond_with_handler(lambda _: away)
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path)
    assert ended.code == 1
    assert "the transfer broke off (ConnectError)" in ended.err


def test_a_file_that_the_api_does_not_link_to(
    httpserver: HTTPServer, darkroom: Darkroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    httpserver.expect_request(f"/v1/jobs/{JOB_ID}").respond_with_json(the_job())
    gone = {"detail": "the job has no asset 0", "errors": []}
    httpserver.expect_request(ASSET).respond_with_json(gone, 404, content_type="application/problem+json")
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path)
    assert ended.code == 2
    assert "the job has no asset 0" in ended.err


@pytest.mark.usefixtures("store")
def test_a_folder_that_cannot_be_written_is_said(darkroom: Darkroom, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = darkroom("jobs", "show", JOB_ID, "--out", tmp_path / "file")
    assert ended.code == 2
    assert "name another --out folder" in ended.err


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("image/png", "0.png"),
        ("video/mp4", "0.mp4"),
        ("video/quicktime", "0.mov"),
        ("image/x-odd", "0.bin"),
    ],
)
def test_a_name_ends_as_its_content_does(
    content_type: str,
    name: str,
    httpserver: HTTPServer,
    darkroom: Darkroom,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    httpserver.expect_request(f"/v1/jobs/{JOB_ID}").respond_with_json(the_job(content_type))
    link = Response(status=307, headers={"Location": httpserver.url_for("/bucket")})
    httpserver.expect_request(ASSET).respond_with_handler(lambda _: link)
    httpserver.expect_request("/bucket").respond_with_data(FILE)
    assert darkroom("jobs", "show", JOB_ID, "--out", tmp_path).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{JOB_ID}-{name}"]
