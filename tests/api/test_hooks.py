"""What a provider sends in."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_httpserver import HTTPServer

from api.app import create_app
from services.runtime import Runtime
from storage import jobs
from storage.records.columns import new_id
from tests.support.front import new_project, running_parts, served
from tests.support.rows import a_job, an_attempt, keep

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def front(
    runtime: Runtime, httpserver: HTTPServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client of a server that knows where fal's keys are."""
    public = base64.urlsafe_b64encode(KEY.public_key().public_bytes_raw()).decode().rstrip("=")
    httpserver.expect_request("/jwks").respond_with_json(
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public}]}
    )
    with (
        running_parts(
            runtime.database.url, tmp_path_factory.mktemp("hooks"), fal_jwks_url=httpserver.url_for("/jwks")
        ) as parts,
        served(create_app(parts)) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        yield client


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
    body = json.dumps({"request_id": request_id, "status": "OK", "payload": {}}).encode()
    answer = front.post(f"/hooks/fal/{attempt.token}", content=body, headers=signed(request_id, body))
    assert (answer.status_code, answer.json()) == (200, {})
    with runtime.database.work() as session:
        adopted = jobs.last_attempt(session, job.id)
    assert adopted is not None
    assert (adopted.provider_request_id, adopted.status) == (request_id, "running")


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
