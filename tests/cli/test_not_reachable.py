"""What a command says when there is no Darkroom, another server, or the wrong key."""

import socket
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from cli.stack.ports import free_port
from services.access import Scope
from tests.cli.conftest import Darkroom
from tests.support.front import Project
from tests.support.raw_server import raw_server


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DARKROOM_URL", url)
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")


def test_nobody_there(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    ended = darkroom("jobs", "list", "--json")
    assert ended.code == 3
    assert ended.out == ""
    assert "No Darkroom answers at http://127.0.0.1:" in ended.err
    assert "start one with `darkroom up`" in ended.err


def test_an_address_that_is_none(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://[::1")
    ended = darkroom("models")
    assert ended.code == 3
    assert "correct DARKROOM_URL" in ended.err


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", "<html>It works!</html>"),
        (404, "text/html", "<html>Not found</html>"),
        (502, "text/html", "<html>Bad gateway</html>"),
        (301, "text/html", ""),
        (500, "application/problem+json", "no JSON"),
        (500, "application/problem+json", "[]"),
    ],
)
def test_another_server_there(
    status: int,
    content_type: str,
    body: str,
    darkroom: Darkroom,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    httpserver.expect_request("/v1/models").respond_with_data(body, status, content_type=content_type)
    use(monkeypatch, httpserver.url_for("").rstrip("/"))
    ended = darkroom("models")
    assert ended.code == 3
    assert "is not a Darkroom" in ended.err


def test_an_answer_that_breaks_off(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{") as url:
        use(monkeypatch, url)
        ended = darkroom("models")
    assert ended.code == 3
    assert "gave no whole answer" in ended.err
    assert "`darkroom doctor`" in ended.err


def test_an_api_that_cannot_work_just_now(
    darkroom: Darkroom, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {
        "detail": "the database does not answer just now",
        "code": "database_unavailable",
        "errors": [],
    }
    httpserver.expect_request("/v1/models").respond_with_json(
        problem, 503, content_type="application/problem+json"
    )
    use(monkeypatch, httpserver.url_for("").rstrip("/"))
    ended = darkroom("models")
    assert ended.code == 3
    assert "cannot do this just now: the database does not answer just now" in ended.err


@pytest.mark.usefixtures("project")
def test_no_key_at_all(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKROOM_API_KEY")
    ended = darkroom("models")
    assert ended.code == 3
    assert "there is no API key: set DARKROOM_API_KEY" in ended.err
    assert "var/api-key" in ended.err


def test_a_key_that_is_not_known(
    darkroom: Darkroom, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_unknown")
    ended = darkroom("models")
    assert ended.code == 3
    assert f"the API key in DARKROOM_API_KEY is not accepted at {project.url}" in ended.err
    assert "dk_unknown" not in ended.err


def test_a_key_of_too_small_a_scope(
    darkroom: Darkroom, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.client(Scope.READ) as client:
        monkeypatch.setenv("DARKROOM_API_KEY", client.headers["Authorization"].removeprefix("Bearer "))
    ended = darkroom("keys", "list")
    assert ended.code == 3
    assert "this needs a key with the scope admin" in ended.err


def test_the_key_of_the_data_folder_is_found(
    darkroom: Darkroom, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with project.client() as client:
        key = client.headers["Authorization"].removeprefix("Bearer ")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "api-key").write_text(f"{key}\n")
    monkeypatch.delenv("DARKROOM_API_KEY")
    monkeypatch.setenv("DARKROOM_DATA_DIR", "data")
    assert darkroom("jobs", "list").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"dk_\xc3\xa4", "holds characters that no key has"), (b"\xff\xfe", "cannot be read (it is not text)")],
)
def test_a_key_file_that_holds_no_key(content: bytes, said: str, darkroom: Darkroom, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "api-key").write_bytes(content)
    ended = darkroom("models")
    assert ended.code == 2
    assert said in ended.err


def test_a_key_file_that_cannot_be_read(darkroom: Darkroom, tmp_path: Path) -> None:
    (tmp_path / "var" / "api-key").mkdir(parents=True)
    ended = darkroom("models")
    assert ended.code == 2
    assert "set DARKROOM_API_KEY" in ended.err


def test_a_malformed_setting_is_named_and_never_shown(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_PORT", "eighty")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://me:secret@db/x")
    ended = darkroom("jobs", "list")
    assert ended.code == 2
    assert "DARKROOM_PORT" in ended.err
    assert "DARKROOM_DATABASE_URL must be a PostgreSQL address" in ended.err
    assert "secret" not in ended.err


def test_a_server_that_hangs_up_at_once_is_not_taken_for_none(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(connection: socket.socket, _: object) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    with raw_server(hang_up) as url:
        use(monkeypatch, url)
        ended = darkroom("jobs", "list")
    assert ended.code == 3
    assert "gave no whole answer" in ended.err
