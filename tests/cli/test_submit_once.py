"""A job is taken exactly once, however often its answer is lost on the way."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.cli.conftest import Darkroom
from tests.support.raw_server import raw_server

JOB = {
    "id": "0199aa00-0000-7000-8000-000000000000",
    "status": "queued",
    "provider": "fal",
    "error": None,
}
ENDED = {"status": "canceled", "error": {"code": "canceled", "message": "the job was canceled on request"}}


def answer(body: object, status: int = 202, content_type: str = "application/json") -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: {content_type}\r\nContent-Length: {len(text)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + text


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each answer once; an empty one is a connection that closes without a word."""
    left, asked = list(answers), []
    lock = threading.Lock()

    def script(connection: socket.socket, _: threading.Event) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        with lock:
            asked.append(received)
            connection.sendall(left.pop(0))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with raw_server(script, reads=False) as url:
        yield url, asked


def keys(asked: list[bytes]) -> set[bytes]:
    lines = (line for one in asked for line in one.split(b"\r\n"))
    return {line for line in lines if line.lower().startswith(b"idempotency-key:")}


@pytest.fixture(autouse=True)
def a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")


def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"", b"HTTP/1.1 202 -\r\nContent-Length: 9\r\n\r\n{", answer(JOB)) as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("submit", "flux-dev", "x", "--json")
    assert ended.code == 0
    assert ended.json == JOB
    assert len(asked) == 3
    assert len(keys(asked)) == 1


def test_a_request_that_is_being_answered_is_asked_for_again(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {"detail": "is being answered just now", "code": "idempotency_in_progress", "errors": []}
    busy = answer(problem, 409, "application/problem+json")
    with answering(busy, answer(JOB)) as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        assert darkroom("submit", "flux-dev", "x", "--json").json == JOB
    assert len(keys(asked)) == 1


def test_when_every_answer_is_lost_the_key_is_named(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"", b"", b"", b"") as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("submit", "flux-dev", "x", "--idempotency-key", "mine")
    assert ended.code == 3
    assert "--idempotency-key mine" in ended.err
    assert "the job may have been taken" in ended.err
    assert len(asked) == 4


def test_a_refusal_is_not_repeated(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = {"field": "input.prompt", "message": "must not be empty"}
    problem = {"detail": "the request is wrong", "code": "invalid_input", "errors": [fault]}
    with answering(answer(problem, 422, "application/problem+json")) as (url, asked):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("submit", "flux-dev", "x")
    assert ended.code == 2
    assert "the request is wrong; input.prompt must not be empty" in ended.err
    assert len(asked) == 1


def test_a_restart_of_the_api_while_waiting_is_no_verdict(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answer(JOB), b"", answer(JOB, 200), answer(JOB | ENDED, 200)) as (url, _):
        monkeypatch.setenv("DARKROOM_URL", url)
        ended = darkroom("submit", "flux-dev", "x", "--wait", "--json")
    assert ended.code == 1
    assert ended.json["status"] == "canceled"


def test_a_key_that_is_revoked_while_waiting_ends_the_waiting(
    darkroom: Darkroom, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/v1/jobs").respond_with_json(JOB, 202)
    problem = json.dumps({"detail": "this key was revoked", "errors": []})
    refused = Response(problem, 401, content_type="application/problem+json")

    def refuse(_: Request) -> Response:
        return refused

    httpserver.expect_request(f"/v1/jobs/{JOB['id']}").respond_with_handler(refuse)
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    ended = darkroom("submit", "flux-dev", "x", "--wait")
    assert ended.code == 3
    assert "this key was revoked" in ended.err
