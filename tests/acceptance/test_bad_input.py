"""Bad input of every kind on every route: a 4xx that says what is wrong, never a 500."""

import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.acceptance.bad_bodies import RAW, wrong_jobs
from tests.acceptance.bad_routes import ID, ID_ROUTES, LISTS, ODD_IDS, QUERIES, WRITES
from tests.acceptance.world import World

pytestmark = pytest.mark.timeout(300)


def _is_problem(answer: httpx.Response) -> str | None:
    """What is wrong with an error, or None."""
    if not 400 <= answer.status_code < 500:
        return f"status {answer.status_code}: {answer.text[:300]}"
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return f"type {answer.headers.get('content-type')}: {answer.text[:300]}"
    problem = answer.json()
    if problem["status"] != answer.status_code or not problem["code"] or not problem["detail"]:
        return f"says too little: {problem}"
    return None


def _check(found: Iterator[tuple[str, str | None]]) -> None:
    wrong = [f"{what}: {why}" for what, why in found if why is not None]
    assert wrong == [], "\n".join(wrong)


@pytest.fixture(autouse=True)
def _nothing_broke(darkroom: World) -> Iterator[None]:
    before = darkroom.logs("web").count("Traceback")
    yield
    assert darkroom.logs("web").count("Traceback") == before


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/quotes"])
def test_a_wrong_field_is_named(darkroom: World, path: str) -> None:
    def look() -> Iterator[tuple[str, str | None]]:
        for field, value, body in wrong_jobs():
            answer = darkroom.client.post(path, json=body)
            why = _is_problem(answer)
            if why is None and field.rpartition(".")[2] not in answer.text:
                why = f"does not name {field}: {answer.text[:300]}"
            yield f"{field}={str(value)[:60]!r}", why

    _check(look())


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_that_is_no_json_object_is_refused(darkroom: World, method: str, path: str) -> None:
    def look() -> Iterator[tuple[str, str | None]]:
        for name, (content, content_type) in RAW.items():
            headers = {"Content-Type": content_type} if content_type else {}
            answer = darkroom.client.request(method, path, content=content, headers=headers)
            yield name, _is_problem(answer)

    _check(look())


def test_ids_that_are_none_or_another_project_s_are_not_found(darkroom: World) -> None:
    def look() -> Iterator[tuple[str, str | None]]:
        for (method, path), odd in itertools.product(ID_ROUTES, ODD_IDS):
            answer = darkroom.client.request(method, path.format(odd))
            yield f"{method} {path.format(odd)[:80]}", _is_problem(answer)

    _check(look())


def test_query_parameters_are_checked_one_by_one(darkroom: World) -> None:
    def look() -> Iterator[tuple[str, str | None]]:
        for path, queries in QUERIES.items():
            for query in queries:
                yield f"{path}?{query[:80]}", _is_problem(darkroom.client.get(f"{path}?{query}"))

    _check(look())


def test_numbers_in_paths_and_waits_are_checked(darkroom: World) -> None:
    job = darkroom.submit({"model": "fal:fal-ai/flux/dev", "input": {"prompt": "to be asked for oddly"}})
    base = f"/v1/jobs/{job['id']}"

    def look() -> Iterator[tuple[str, str | None]]:
        for number in ("-1", "99", "abc", "1.5", str(2**64), "%00", ""):
            yield f"asset {number}", _is_problem(darkroom.client.get(f"{base}/assets/{number}"))
        for wait in ("-1", "abc", "NaN", "1e9", "61", "", "%00"):
            yield f"wait {wait}", _is_problem(darkroom.client.get(f"{base}?wait={wait}"))
        yield "disposition", _is_problem(darkroom.client.get(f"{base}/assets/0?disposition=sideways"))
        yield "fields", _is_problem(darkroom.client.get(f"{base}?colour=blue"))

    _check(look())


def test_without_a_right_key_nothing_is_answered(darkroom: World) -> None:
    key = darkroom.client.headers["Authorization"]
    wrong = (
        "",
        "Bearer",
        "Bearer dk_no",
        f"Basic {key[7:]}",
        f"{key}x",
        f"{key} {key}",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 8000,
        key.replace("Bearer ", ""),
    )

    def look() -> Iterator[tuple[str, str | None]]:
        paths = [("GET", path) for path in LISTS] + [("POST", "/v1/jobs"), ("GET", f"/v1/jobs/{ID}")]
        with httpx.Client(base_url=darkroom.stack.url, timeout=60, trust_env=False) as client:
            for (method, path), value in itertools.product(paths, wrong):
                headers = {"Authorization": value.encode("latin-1")} if value else {}
                answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)  # type: ignore[arg-type]
                why = _is_problem(answer)
                if why is None and answer.status_code != 401:
                    why = f"status {answer.status_code}"
                yield f"{method} {path} {value[:30]!r}", why

    _check(look())


def test_methods_and_paths_that_are_not_there(darkroom: World) -> None:
    paths = ["/v1/jobs", "/v1/models", f"/v1/jobs/{ID}", "/healthz", "/readyz", "/openapi.json"]

    def look() -> Iterator[tuple[str, str | None]]:
        for method, path in itertools.product(("PUT", "PATCH", "TRACE", "PROPFIND"), paths):
            answer = darkroom.client.request(method, path)
            why = _is_problem(answer)
            if why is None and answer.status_code != 405:
                why = f"status {answer.status_code}"
            yield f"{method} {path}", why
        for path in (
            "/v2/jobs",
            "/v1",
            "/v1/jobs/..%2f..",
            "/v1/%00",
            "//v1/jobs",
            "/v1/jobs//",
            "/" + "x" * 9000,
        ):
            yield path[:60], _is_problem(darkroom.client.get(path))

    _check(look())


def test_idempotency_keys_are_checked(darkroom: World) -> None:
    body = {"model": "fal:fal-ai/flux/dev", "input": {"prompt": "once"}}

    def sent(key: str, prompt: str = "once") -> httpx.Response:
        headers = {"Idempotency-Key": key.encode("latin-1")}
        return darkroom.client.post("/v1/jobs", json={**body, "input": {"prompt": prompt}}, headers=headers)  # type: ignore[arg-type]

    first, again = sent("a-key"), sent("a-key")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = sent("a-key", "another body")
    assert (other.status_code, _is_problem(other)) == (422, None)
    _check((f"key {key[:20]!r}", _is_problem(sent(key))) for key in ("x" * 3000, "\xe9\xff", "a key", ""))


def test_one_idempotency_key_at_the_same_time_makes_one_job(darkroom: World) -> None:
    body = {"model": "fal:fal-ai/flux/dev", "input": {"prompt": "all at once"}}

    def sent(_: int) -> httpx.Response:
        return darkroom.client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "all-at-once"})

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(sent, range(24)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /v1/jobs HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 300_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_even_http_is_a_400_or_the_end_of_the_connection(darkroom: World, raw: bytes) -> None:
    address = urlsplit(darkroom.stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4096)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.split()[1][:1] == b"4", answer
