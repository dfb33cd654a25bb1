"""Webhooks: what is sent when, how it is signed, and how it is tried again."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sandbox.testing import FAL_KEY, SandboxServer

JsonObject = dict[str, Any]


def submit(server: SandboxServer, prompt: str, webhook: str = "/callbacks/hook") -> JsonObject:
    params = {"fal_webhook": f"{server.url}{webhook}"}
    response = server.client.post(
        "/fal/queue/fal-ai/flux/dev", params=params, json={"prompt": prompt}, headers=FAL_KEY
    )
    accepted: JsonObject = response.json()
    return accepted


def delivered(server: SandboxServer, enough: Callable[[list[JsonObject]], bool]) -> list[JsonObject]:
    """What has arrived once there is enough; each look gives the sender a turn of the loop."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        received = server.callbacks("hook")
        if enough(received):
            return received
    raise AssertionError("the webhook did not arrive")


def one_of(server: SandboxServer, prompt: str) -> tuple[JsonObject, JsonObject, JsonObject]:
    accepted = submit(server, prompt)
    server.advance(10)
    (received,) = delivered(server, lambda all_of_them: len(all_of_them) == 1)
    return accepted, received, json_of(received)


def json_of(received: JsonObject) -> JsonObject:
    body: JsonObject = json.loads(received["body"])
    return body


def is_signed(server: SandboxServer, received: JsonObject) -> bool:
    headers, body = received["headers"], base64.b64decode(received["body_base64"])
    names = ("request-id", "user-id", "timestamp")
    parts = [headers[f"x-fal-webhook-{name}"] for name in names]
    message = "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode()
    signature = bytes.fromhex(headers["x-fal-webhook-signature"])
    for key in server.client.get("/fal/.well-known/jwks.json").json()["keys"]:
        raw = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def test_a_success_is_told_with_its_output_and_a_signature_over_the_raw_body(server: SandboxServer) -> None:
    accepted, received, body = one_of(server, "a kite")
    assert is_signed(server, received)
    assert (body["status"], body["request_id"]) == ("OK", accepted["request_id"])
    assert received["headers"]["x-fal-webhook-request-id"] == accepted["request_id"]
    assert body["payload"] == server.client.get(accepted["response_url"], headers=FAL_KEY).json()


def test_a_failure_is_told_with_its_status_code(server: SandboxServer) -> None:
    _, _, body = one_of(server, "[sandbox:moderation]")
    assert (body["status"], body["error"]) == ("ERROR", "Invalid status code: 422")
    assert body["payload"]["detail"][0]["type"] == "content_policy_violation"


def test_a_payload_can_be_missing(server: SandboxServer) -> None:
    _, _, body = one_of(server, "[sandbox:webhook_payload_null]")
    assert body["payload"] is None
    assert body["payload_error"]


def test_a_signature_can_be_wrong(server: SandboxServer) -> None:
    assert not is_signed(server, one_of(server, "[sandbox:webhook_bad_signature]")[1])


def test_a_timestamp_can_be_stale(server: SandboxServer) -> None:
    _, received, _ = one_of(server, "[sandbox:webhook_stale]")
    signed_at = int(received["headers"]["x-fal-webhook-timestamp"])
    received_at = datetime.fromisoformat(received["received_at"]).timestamp()
    assert is_signed(server, received)
    assert received_at - signed_at > 300


def test_a_delivery_can_come_twice(server: SandboxServer) -> None:
    submit(server, "[sandbox:webhook_duplicate]")
    server.advance(10)
    first, second = delivered(server, lambda received: len(received) == 2)
    assert first["body"] == second["body"]


def test_a_refused_delivery_is_tried_again_later(server: SandboxServer) -> None:
    server.client.post("/control/callbacks/hook", json={"status": 503, "count": 2})
    submit(server, "a kite")
    server.advance(10)
    delivered(server, lambda received: len(received) == 1)
    retried = []
    for tries in (2, 3):
        # The sender goes to sleep after it has read the answer, so the clock is moved until it has woken.
        def woken(received: list[JsonObject], tries: int = tries) -> bool:
            server.advance(1)
            return len(received) == tries

        retried = delivered(server, woken)
    assert [one["answered"] for one in retried] == [503, 503, 200]


def test_tries_come_to_an_end(server: SandboxServer) -> None:
    server.client.patch("/control/settings", json={"webhook_retry_seconds": []})
    server.client.post("/control/callbacks/hook", json={"status": 500})
    submit(server, "a kite")
    server.advance(10)
    delivered(server, lambda received: len(received) == 1)
    other = submit(server, "another")
    server.advance(10_000)
    received = delivered(server, lambda all_of_them: len(all_of_them) == 2)
    assert json_of(received[1])["request_id"] == other["request_id"]


def test_a_redirect_is_a_refusal_that_is_final(server: SandboxServer) -> None:
    server.client.post(
        "/control/callbacks/hook", json={"status": 302, "headers": {"Location": "/callbacks/hook"}}
    )
    submit(server, "a kite")
    server.advance(10)
    delivered(server, lambda received: len(received) == 1)
    other = submit(server, "another")
    for _ in range(20):
        server.advance(100)
    received = delivered(server, lambda all_of_them: len(all_of_them) == 2)
    assert json_of(received[1])["request_id"] == other["request_id"]


@pytest.mark.parametrize("webhook", ["no_webhook", "queued"])
def test_some_requests_tell_nobody(server: SandboxServer, webhook: str) -> None:
    silent = submit(server, f"[sandbox:{webhook}][sandbox:queue=1]")
    if webhook == "queued":
        server.client.put(silent["cancel_url"], headers=FAL_KEY)
    told = submit(server, "a kite")
    server.advance(20)
    (received,) = delivered(server, bool)
    assert json_of(received)["request_id"] == told["request_id"]


def test_a_cancelled_run_is_told_when_it_is_cancelled_and_only_once(server: SandboxServer) -> None:
    accepted = submit(server, "[sandbox:slow=60]")
    server.client.put(accepted["cancel_url"], headers=FAL_KEY)
    (received,) = delivered(server, bool)
    assert json_of(received)["error"] == "Invalid status code: 499"
    server.advance(100)
    submit(server, "a kite")
    server.advance(100)
    assert len(delivered(server, lambda all_of_them: len(all_of_them) >= 2)) == 2


def test_an_address_that_nobody_listens_on_does_no_harm(server: SandboxServer) -> None:
    params = {"fal_webhook": "http://127.0.0.1:1/hook"}
    server.client.post("/fal/queue/fal-ai/flux/dev", params=params, json={"prompt": "x"}, headers=FAL_KEY)
    server.advance(10)
    one_of(server, "a kite")


def test_a_delivery_can_be_late(server: SandboxServer) -> None:
    accepted = submit(server, "[sandbox:webhook_late=60]")
    server.advance(30)
    assert server.client.get(accepted["response_url"], headers=FAL_KEY).status_code == 200
    assert server.callbacks("hook") == []
    server.advance(60)
    delivered(server, lambda received: len(received) == 1)
