"""What a provider sends in."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_httpserver import HTTPServer

from api.app import create_app
from services.runtime import Runtime
from storage import agenda, jobs
from storage.records import AgendaRecord, AttemptRecord
from storage.records.columns import new_id
from tests.support.engine import Engine
from tests.support.front import new_project, running_parts, served
from tests.support.outage import database_away
from tests.support.postgres import Postgres
from tests.support.rows import a_job, an_attempt, keep

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def front(runtime: Runtime, keys: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a server that knows where fal's keys are."""
    with opened(runtime.database.url, keys, tmp_path) as client:
        yield client


@pytest.fixture
def keys(httpserver: HTTPServer) -> str:
    """The address of fal's keys."""
    public = base64.urlsafe_b64encode(KEY.public_key().public_bytes_raw()).decode().rstrip("=")
    httpserver.expect_request("/jwks").respond_with_json(
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public}]}
    )
    return httpserver.url_for("/jwks")


@contextmanager
def opened(database_url: str, keys: str, folder: Path) -> Iterator[httpx.Client]:
    with (
        running_parts(database_url, folder, fal_jwks_url=keys) as parts,
        served(create_app(parts)) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        yield client


def post(client: httpx.Client, token: str, request_id: str) -> httpx.Response:
    """Fal's webhook about a request."""
    body = json.dumps({"request_id": request_id, "status": "OK", "payload": {}}).encode()
    return client.post(f"/hooks/fal/{token}", content=body, headers=signed(request_id, body))


def signed(request_id: str, body: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    message = "\n".join([request_id, "user", stamp, hashlib.sha256(body).hexdigest()])
    return {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": "user",
        "X-Fal-Webhook-Timestamp": stamp,
        "X-Fal-Webhook-Signature": KEY.sign(message.encode()).hex(),
    }


def test_a_signed_webhook_adopts_the_attempt_that_waited_for_it(
    front: httpx.Client, runtime: Runtime
) -> None:
    job = a_job(project_id=new_project(runtime).id, status="review", provider="fal", attempts=1)
    request_id = str(new_id())
    attempt = an_attempt(job, provider="fal", status="unknown", provider_request_id=None)
    keep(runtime, job, attempt)
    answer = post(front, attempt.token, request_id)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    with runtime.database.work() as session:
        adopted = jobs.last_attempt(session, job.id)
    assert adopted is not None
    assert (adopted.provider_request_id, adopted.status) == (request_id, "running")


def test_a_signed_webhook_about_nothing_of_ours_is_not_found(front: httpx.Client) -> None:
    answer = post(front, "token", "request-1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def running(runtime: Runtime, count: int) -> list[AttemptRecord]:
    """Attempts that run at fal; the next look at each is an hour away."""
    project_id = new_project(runtime).id
    made = [a_job(project_id=project_id, status="running", provider="fal") for _ in range(count)]
    sent = [an_attempt(job, provider="fal", provider_request_id=str(new_id())) for job in made]
    keep(runtime, *made, *sent)
    with runtime.database.work() as session:
        for job in made:
            agenda.schedule(session, job, runtime.clock() + timedelta(hours=1))
    return sent


def test_many_webhooks_at_once_have_all_their_jobs_looked_at(front: httpx.Client, runtime: Runtime) -> None:
    sent = running(runtime, 40)
    begun = runtime.clock()
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda one: post(front, one.token, str(one.provider_request_id)), sent)
        assert [answer.status_code for answer in answers] == [200] * 40
    with runtime.database.work() as session:
        due = [session.get_one(AgendaRecord, attempt.job_id).next_at for attempt in sent]
    assert all(begun <= at <= runtime.clock() for at in due)


def test_without_the_database_it_is_asked_to_send_again(
    server: Postgres, engine: Engine, database_url: str, keys: str, tmp_path: Path
) -> None:
    [sent] = running(engine.runtime, 1)
    told = (sent.token, str(sent.provider_request_id))
    with opened(database_url, keys, tmp_path) as client:
        before = post(client, *told)
        with database_away(server, database_url):
            during = post(client, *told)
        after = post(client, *told)
    assert [answer.status_code for answer in (before, during, after)] == [200, 503, 200]
    assert (during.json()["code"], during.headers["retry-after"]) == ("database_unavailable", "5")
    assert during.elapsed < timedelta(seconds=15)


def test_a_webhook_that_fal_did_not_sign_is_refused(front: httpx.Client) -> None:
    headers = signed("request-1", b"{}")
    answer = front.post("/hooks/fal/token", content=b'{"changed": true}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_refused")


def test_without_fals_keys_it_is_asked_to_send_again(anyone: httpx.Client) -> None:
    body = b'{"request_id": "request-1"}'
    answer = anyone.post("/hooks/fal/token", content=body, headers=signed("request-1", body))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("path", ["/hooks/linkmodel/token", "/hooks/fal/%00", "/hooks/fal/"])
def test_a_webhook_for_nothing_is_404(anyone: httpx.Client, path: str) -> None:
    assert anyone.post(path, content=b"{}").status_code == 404


def test_a_large_webhook_is_read_and_a_huge_one_refused(front: httpx.Client) -> None:
    large = front.post("/hooks/fal/token", content=b"x" * (3 * 1024 * 1024))
    assert large.status_code == 401
    huge = front.post("/hooks/fal/token", content=b"x" * (32 * 1024 * 1024 + 1))
    assert huge.status_code == 413
