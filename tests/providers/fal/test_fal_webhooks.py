"""Only what fal's own keys have signed, lately, is taken as a hint."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from outbound.wire import NoReply
from providers.base import HookHint, HookRefused, HookUnverifiable
from providers.fal import WebhookVerifier

NOW = 1_790_000_000
BODY = b'{"request_id": "req-1", "gateway_request_id": "gw-2", "status": "OK", "payload": null}'
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)


def jwks(*keys: Ed25519PrivateKey) -> bytes:
    def x(key: Ed25519PrivateKey) -> str:
        return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")

    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x(key)} for key in keys]}).encode()


def signed(body: bytes = BODY, *, key: Ed25519PrivateKey = KEY, timestamp: int | str = NOW) -> dict[str, str]:
    message = f"req-1\nuser-9\n{timestamp}\n{hashlib.sha256(body).hexdigest()}"
    return {
        "X-Fal-Webhook-Request-Id": "req-1",
        "X-FAL-Webhook-User-Id": "user-9",
        "x-fal-webhook-timestamp": str(timestamp),
        "X-Fal-Webhook-Signature": key.sign(message.encode()).hex(),
    }


class Keys:
    """A key list that can change, break, and tells how often it was read; and a clock beside it."""

    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body
        self.reads = 0
        self.now = float(NOW)
        self.verifier = WebhookVerifier("https://jwks.example", fetch=self.fetch, clock=lambda: self.now)

    def fetch(self, url: str) -> bytes:
        assert url == "https://jwks.example"
        self.reads += 1
        if self.body is None:
            raise NoReply("timeout")
        return self.body

    def verify(self, headers: dict[str, str] | None = None, body: bytes = BODY) -> HookHint:
        fresh = signed(body, timestamp=int(self.now))
        return self.verifier.verify(fresh if headers is None else headers, body)


def test_a_genuine_webhook_names_its_request() -> None:
    assert Keys(jwks(KEY)).verify() == HookHint("req-1", "gw-2")


def test_every_key_is_tried_and_keys_of_another_sort_are_passed_over() -> None:
    odd = [{"x": "AAAA"}, {"x": "ü"}, {"kty": "RSA", "n": "1"}, "odd", {"x": 7}]
    keys = json.loads(jwks(OTHER, KEY))["keys"]
    assert Keys(json.dumps({"keys": odd + keys}).encode()).verify().request_id == "req-1"


def test_the_keys_are_fetched_over_http_and_kept(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/jwks.json").respond_with_data(jwks(KEY))
    verifier = WebhookVerifier(httpserver.url_for("/jwks.json"), clock=lambda: float(NOW))
    assert verifier.verify(signed(), BODY).request_id == "req-1"
    assert verifier.verify(signed(), BODY).request_id == "req-1"
    assert len(httpserver.log) == 1


def test_a_key_list_that_answers_with_an_error_is_unavailable(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/jwks.json").respond_with_data(jwks(KEY), 500)
    verifier = WebhookVerifier(httpserver.url_for("/jwks.json"), clock=lambda: float(NOW))
    with pytest.raises(HookUnverifiable, match="500"):
        verifier.verify(signed(), BODY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda headers: headers.pop("X-Fal-Webhook-Signature"), "signature is missing"),
        (lambda headers: headers.pop("X-FAL-Webhook-User-Id"), "user-id is missing"),
        (lambda headers: headers.update({"x-fal-webhook-timestamp": ""}), "timestamp is missing"),
        (lambda headers: headers.update({"x-fal-webhook-timestamp": "1.5"}), "whole seconds"),
        (lambda headers: headers.update({"x-fal-webhook-timestamp": "٣"}), "whole seconds"),
        (lambda headers: headers.update({"x-fal-webhook-timestamp": "9" * 4000}), "300 seconds"),
        (lambda headers: headers.update({"x-fal-webhook-timestamp": str(NOW + 1)}), "none of fal's keys"),
        (lambda headers: headers.update({"X-Fal-Webhook-Request-Id": "req-2"}), "none of fal's keys"),
        (lambda headers: headers.update({"X-Fal-Webhook-Signature": "not hex"}), "hexadecimal"),
        (lambda headers: headers.update({"X-Fal-Webhook-Signature": "abcd"}), "none of fal's keys"),
    ],
)
def test_a_forged_header_is_refused(change: Callable[[dict[str, str]], object], reason: str) -> None:
    headers = signed()
    change(headers)
    with pytest.raises(HookRefused, match=reason) as refused:
        Keys(jwks(KEY)).verify(headers)
    assert reason in str(refused.value)


@pytest.mark.parametrize("offset", [-301, 301])
def test_a_stale_timestamp_is_refused(offset: int) -> None:
    with pytest.raises(HookRefused, match="300 seconds"):
        Keys(jwks(KEY)).verify(signed(timestamp=NOW + offset))


@pytest.mark.parametrize("offset", [-300, 300])
def test_a_timestamp_at_the_edge_is_taken(offset: int) -> None:
    assert Keys(jwks(KEY)).verify(signed(timestamp=NOW + offset)).request_id == "req-1"


def test_a_changed_body_and_a_strangers_key_are_refused() -> None:
    keys = Keys(jwks(KEY))
    with pytest.raises(HookRefused):
        keys.verify(signed(), BODY + b" ")
    with pytest.raises(HookRefused):
        keys.verify(signed(key=OTHER))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"request_id": 7}', b'{"request_id": ""}'])
def test_a_genuine_webhook_that_names_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(HookRefused):
        Keys(jwks(KEY)).verify(None, body)


def test_by_the_keys_at_hand_a_genuine_webhook_is_known_at_once_and_nothing_is_fetched() -> None:
    keys = Keys(jwks(KEY))
    assert keys.verifier.check(signed(), BODY) is None
    keys.verify()
    assert keys.verifier.check(signed(), BODY) == HookHint("req-1", "gw-2")
    assert keys.verifier.check(signed(key=OTHER), BODY) is None
    keys.now += 24 * 3600 + 1
    assert keys.verifier.check(signed(timestamp=int(keys.now)), BODY) is None
    assert keys.reads == 1


def test_what_is_wrong_by_any_key_is_refused_at_once() -> None:
    keys = Keys(jwks(KEY))
    with pytest.raises(HookRefused, match="300 seconds"):
        keys.verifier.check(signed(timestamp=NOW - 301), BODY)
    keys.verify()
    with pytest.raises(HookRefused, match="request_id"):
        keys.verifier.check(signed(b"{}"), b"{}")
    assert keys.reads == 1


def test_a_missing_gateway_id_is_no_matter() -> None:
    assert Keys(jwks(KEY)).verify(None, b'{"request_id": "r"}') == HookHint("r", None)


def test_new_keys_are_found_within_the_day_but_asked_for_once_a_minute() -> None:
    keys = Keys(jwks(OTHER))
    with pytest.raises(HookRefused):
        keys.verify()
    keys.body = jwks(KEY)
    with pytest.raises(HookRefused):
        keys.verify()
    assert keys.reads == 1
    keys.now += 60
    assert keys.verify().request_id == "req-1"
    assert keys.reads == 2


def test_keys_are_renewed_after_a_day() -> None:
    keys = Keys(jwks(KEY))
    keys.verify()
    keys.now += 24 * 3600
    keys.verify()
    assert keys.reads == 1
    keys.now += 1
    keys.verify()
    assert keys.reads == 2


@pytest.mark.parametrize("body", [None, b"<html>", b"{}", b'{"keys": []}', b'{"keys": 7}'])
def test_without_keys_nothing_can_be_checked_and_fal_is_asked_once_a_minute(body: bytes | None) -> None:
    keys = Keys(b"")
    keys.body = body
    for _ in range(2):
        with pytest.raises(HookUnverifiable):
            keys.verify()
    assert keys.reads == 1
    keys.now, keys.body = keys.now + 60, jwks(KEY)
    assert keys.verify().request_id == "req-1"


def test_good_keys_outlive_a_renewal_that_fails() -> None:
    keys = Keys(jwks(KEY))
    keys.verify()
    keys.now, keys.body = keys.now + 60, None
    with pytest.raises(HookUnverifiable):
        keys.verify(signed(key=OTHER, timestamp=int(keys.now)))
    assert keys.verify().request_id == "req-1"


@given(st.dictionaries(st.sampled_from(list(signed())), st.text(max_size=80)), st.binary(max_size=80))
def test_nothing_unsigned_gets_through(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(HookRefused):
        Keys(jwks(KEY)).verify(headers, body)


def test_many_webhooks_at_once_fetch_the_keys_once() -> None:
    threads, ticks = 4, threading.Condition()
    counted, reads = [0], [0]

    def clock() -> float:
        with ticks:
            counted[0] += 1
            ticks.notify_all()
        return float(NOW)

    def fetch(_: str) -> bytes:
        reads[0] += 1
        # Every thread has by now read the clock for its timestamp and for the keys' age; this one twice more.
        with ticks:
            assert ticks.wait_for(lambda: counted[0] >= 2 * threads + 2, timeout=60)
        return jwks(KEY)

    verifier = WebhookVerifier("https://jwks.example", fetch=fetch, clock=clock)
    with ThreadPoolExecutor(threads) as pool:
        hints = list(pool.map(lambda _: verifier.verify(signed(), BODY), range(threads)))
    assert {hint.request_id for hint in hints} == {"req-1"}
    assert reads == [1]
