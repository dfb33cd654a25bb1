"""Taking jobs in over HTTP when clients leave and the database does."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from services.runtime import Runtime
from tests.support.front import new_project, running_parts, served
from tests.support.holding import project_held
from tests.support.outage import database_away
from tests.support.postgres import Postgres
from tests.support.until import until

BODY = {"model": "kling-v3", "input": {"prompt": "a red kite", "duration": 5, "resolution": "720p"}}


def jobs(client: httpx.Client) -> list[str]:
    return [job["id"] for job in client.get("/v1/jobs").json()["data"]]


@contextmanager
def asked(client: httpx.Client, key: str, *, most: int | None = None) -> Iterator[None]:
    """Send a request, or the first ``most`` bytes of its body; hang up when the block ends."""
    body = json.dumps(BODY).encode()
    lines = (
        "POST /v1/jobs HTTP/1.1",
        f"Host: {client.base_url.host}",
        f"Authorization: {client.headers['authorization']}",
        "Content-Type: application/json",
        f"Idempotency-Key: {key}",
        f"Content-Length: {len(body)}",
    )
    head = "".join(f"{line}\r\n" for line in lines).encode()
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        connection.sendall(head + b"\r\n" + body[:most])
        yield


def test_a_client_that_leaves_during_the_commit_has_its_job_once(
    client: httpx.Client, runtime: Runtime
) -> None:
    with project_held(runtime) as held, asked(client, "gone"):
        held.wait_for_a_commit()
    until(lambda: jobs(client), "the job of whoever left")
    again = client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "gone"})
    assert again.headers["idempotency-replayed"] == "true"
    assert jobs(client) == [again.json()["id"]]


def test_a_client_that_leaves_in_the_middle_of_its_body_has_none(client: httpx.Client) -> None:
    with asked(client, "half", most=20):
        pass
    whole = client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "half"})
    assert "idempotency-replayed" not in whole.headers
    assert jobs(client) == [whole.json()["id"]]


def test_one_key_from_many_at_once_is_one_job_and_the_others_replay(client: httpx.Client) -> None:
    def ask(_: int) -> httpx.Response:
        return client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, range(24)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ["idempotency-replayed" in answer.headers for answer in answers].count(False) == 1
    assert len(jobs(client)) == 1


def test_many_at_once_are_each_answered_with_their_own_job(client: httpx.Client) -> None:
    def ask(number: int) -> dict[str, object]:
        body = BODY | {"tags": {"number": str(number)}}
        answer: dict[str, object] = client.post("/v1/jobs", json=body).json()
        return answer

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, range(40)))
    assert [answer["tags"] for answer in answers] == [{"number": str(number)} for number in range(40)]
    assert sorted(str(answer["id"]) for answer in answers) == sorted(jobs(client))


def test_an_answer_is_what_the_job_shows_afterwards(client: httpx.Client) -> None:
    body = BODY | {"tags": {"client": "é😀"}, "priority": "low", "routing": {"deadline": 60}}
    accepted = client.post("/v1/jobs", json=body).json()
    shown = client.get(f"/v1/jobs/{accepted['id']}").json()
    for one in (accepted, shown):
        one.pop("latency")
    assert shown == accepted


def test_an_outage_is_told_and_passes(server: Postgres, database_url: str, tmp_path: Path) -> None:
    with (
        running_parts(database_url, tmp_path) as runtime,
        served(create_app(runtime)) as url,
        new_project(runtime, url).client() as client,
    ):
        before = client.post("/v1/jobs", json=BODY)
        with database_away(server, database_url):
            during = client.post("/v1/jobs", json=BODY)
        after = client.post("/v1/jobs", json=BODY)
        assert len(jobs(client)) == 2
    assert [answer.status_code for answer in (before, during, after)] == [202, 503, 202]
    assert (during.json()["code"], during.headers["retry-after"]) == ("database_unavailable", "5")
    assert during.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["?wait=5", "?x"])
def test_a_parameter_that_does_nothing_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.post(f"/v1/jobs{query}", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")
