"""How errors are told over HTTP."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from api.answers import Problem
from api.app import create_app
from services.refusals import Refused
from services.runtime import Runtime
from tests.support.front import running_parts, served

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/jobs", 404, "not_found"),
        ("GET", "/v1/jobs/", 404, "not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    anyone: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = anyone.request(method, path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert (problem["type"], problem["instance"], problem["errors"]) == ("about:blank", path, [])


def test_a_wrong_method_is_told_the_right_ones(anyone: httpx.Client) -> None:
    answer = anyone.put("/healthz")
    assert answer.headers["allow"] == "GET"
    assert "it takes GET" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "at line 1, column 1"),
        (b'{"model": "x",\n "input": }', 400, "at line 2, column 11"),
        (b'{"model": "\xff"}', 400, "the body is not UTF-8: byte 11 is 0xff"),
        (b"[]", 422, "must be a JSON object"),
        (b'"text"', 422, "must be a JSON object"),
        (b'{"a": NaN}', 422, "a must be a finite number"),
        (b'{"a": [1, 1e999]}', 422, "a.1 must be a finite number"),
        (b'{"a": 1, "a": 2}', 422, "a is given twice"),
        (b'{"a": {"b": "\\u0000"}}', 422, "a.b must not contain the NUL character"),
        (b'{"a": "\\ud800"}', 422, "a holds half a surrogate pair"),
        (b'{"\\udc00": 1}', 422, "its name holds half a surrogate pair"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 422, "is nested deeper than 64 levels"),
        (b"[" * 1_000_000, 422, "is nested deeper than 64 levels"),
        (b'{"a": ' + b"9" * 5000 + b"}", 422, "more digits than can be read"),
    ],
)
def test_a_body_that_cannot_be_kept_says_where(
    client: httpx.Client, body: bytes, status: int, said: str
) -> None:
    answer = client.post("/v1/jobs", content=body, headers=JSON)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonx", "multipart/form-data; boundary=x", ""])
def test_a_body_that_is_not_declared_as_json_is_refused(client: httpx.Client, kind: str) -> None:
    answer = client.post("/v1/jobs", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_large_body_is_refused_before_it_is_read_whole(client: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            sent += 1024 * 1024
            yield b" " * 1024 * 1024

    try:
        answer = client.post("/v1/jobs", content=endless(), headers=JSON)
    except httpx.WriteError:
        assert sent < 64 * 1024 * 1024
    else:
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_of_the_full_size_is_read(client: httpx.Client) -> None:
    frame = b'{"model": "kling-v3", "input": {"prompt": "x"}}'
    body = frame + b" " * (2 * 1024 * 1024 - len(frame))
    assert client.post("/v1/jobs", content=body, headers=JSON).status_code == 202
    assert client.post("/v1/jobs", content=body + b" ", headers=JSON).status_code == 413


def test_a_client_that_leaves_in_its_body_disturbs_nobody(url: str, client: httpx.Client) -> None:
    address = httpx.URL(url)
    with capture_logs() as logs:
        with socket.create_connection((address.host, address.port or 80)) as connection:
            key = client.headers["authorization"]
            head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            connection.sendall(head.encode())
        assert client.get("/v1/jobs").status_code == 200
    assert [entry for entry in logs if entry["event"] == "request_failed"] == []


@pytest.mark.parametrize("path", ["/v1/models?x=1", "/v1/signing-secret?format=json"])
def test_a_parameter_that_does_nothing_is_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")
    assert "takes no query parameters" in answer.json()["detail"]


@pytest.fixture
def broken(runtime: Runtime) -> Iterator[httpx.Client]:
    """A server with routes that fail."""
    app = create_app(runtime)

    @app.get("/broken/{token}")
    def fail(token: str) -> None:
        raise RuntimeError(f"a prompt nobody may read, {token}")

    @app.get("/halfway")
    def stop_halfway() -> StreamingResponse:
        return StreamingResponse(halfway())

    @app.get("/surrogate")
    def refuse() -> None:
        raise Problem(422, "invalid_input", "half a pair goes out as it came: \ud800")

    @app.get("/refused")
    def refuse_otherwise() -> None:
        raise Refused("not like this")

    @app.get("/teapot")
    def refuse_as_the_framework_does() -> None:
        raise HTTPException(418, "short and stout")

    with served(app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client


def halfway() -> Iterator[bytes]:
    """The beginning of an answer, and then nothing."""
    yield b"some"
    raise RuntimeError("no more")


def test_an_unexpected_error_shows_an_incident_and_logs_no_secret(broken: httpx.Client) -> None:
    with capture_logs() as logs:
        answer = broken.get("/broken/very-secret-token")
    problem = answer.json()
    (entry,) = [entry for entry in logs if entry["event"] == "request_failed"]
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert problem["incident"] == entry["incident"]
    assert (entry["route"], entry["error"]) == ("/broken/{token}", "RuntimeError")
    assert any("test_errors.py" in frame for frame in entry["where"])
    assert "prompt" not in answer.text
    assert "secret" not in str(entry)


def test_an_answer_that_breaks_off_is_logged_and_not_completed(broken: httpx.Client) -> None:
    with capture_logs() as logs, pytest.raises(httpx.RemoteProtocolError):
        broken.get("/halfway")
    assert [entry["route"] for entry in logs if entry["event"] == "request_failed"] == ["/halfway"]


def test_half_a_surrogate_pair_does_not_break_an_answer(broken: httpx.Client) -> None:
    answer = broken.get("/surrogate")
    assert (answer.status_code, answer.json()["detail"][-1]) == (422, "\ud800")


@pytest.mark.parametrize(
    ("path", "status", "code", "detail"),
    [
        ("/refused", 400, "refused", "not like this"),
        ("/teapot", 418, "http_error", "short and stout"),
    ],
)
def test_every_refusal_is_told_as_a_problem(
    broken: httpx.Client, path: str, status: int, code: str, detail: str
) -> None:
    answer = broken.get(path)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (status, code, detail)


def test_without_the_database_the_answer_says_when_to_come_back(tmp_path: Path) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/darkroom"
    with (
        running_parts(nowhere, tmp_path) as runtime,
        served(create_app(runtime)) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        answer = client.get("/v1/jobs", headers={"Authorization": "Bearer dk_any"})
        assert client.get("/healthz").json() == {"status": "ok"}
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["retry-after"] == "5"
