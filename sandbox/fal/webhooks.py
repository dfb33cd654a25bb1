"""Webhooks as fal signs and sends them, with its retries, and what scenarios do to them."""

import asyncio
import base64
import hashlib
from datetime import datetime
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.core import Core
from sandbox.fal.book import FalBook
from sandbox.fal.record import FalRequest
from sandbox.wire import dumps

USER_ID: Final = "sandbox-user"
_STALE_SECONDS: Final = 600
_LATE_SECONDS: Final = 5.0


class Signer:
    """Ed25519 over request id, user id, time and body hash (fal queue contract, webhooks)."""

    def __init__(self, seed: bytes, other_seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        # A second key is published first, as while keys are rotated: no key id is sent, so verifiers try all.
        self._other = Ed25519PrivateKey.from_private_bytes(other_seed)

    def jwks(self) -> dict[str, Any]:
        """The public keys, as ``/.well-known/jwks.json`` has them."""
        return {"keys": [_public(self._other), _public(self._key)]}

    def headers(self, request_id: str, body: bytes, at: datetime, *, valid: bool = True) -> dict[str, str]:
        """The headers of one delivery; an invalid one is signed over another body."""
        timestamp = str(int(at.timestamp()))
        digest = hashlib.sha256(body if valid else body + b" ").hexdigest()
        message = f"{request_id}\n{USER_ID}\n{timestamp}\n{digest}".encode()
        return {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self._key.sign(message).hex(),
        }


class WebhookSender:
    """Waits for requests to end and tells their webhooks."""

    def __init__(self, core: Core, book: FalBook) -> None:
        self.signer = Signer(core.derive("webhooks"), core.derive("webhooks, rotated"))
        self._core = core
        self._book = book
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: set[str] = set()
        self._client: httpx.AsyncClient | None = None

    def resume(self) -> None:
        """Take up what an earlier process had still to tell."""
        for record in self._book:
            if not record.told:
                self.watch(record)

    def watch(self, record: FalRequest) -> None:
        """Deliver when the request ends; to be called again when a cancel ends it sooner."""
        if record.webhook is None or record.ended_at is None or record.script.has("no_webhook"):
            return
        task = asyncio.get_running_loop().create_task(self._run(record, record.webhook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop waiting and delivering."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self, record: FalRequest, url: str) -> None:
        clock = self._core.clock
        while (ended := record.ended_at) is not None and not record.over(clock.now()):
            await clock.sleep((ended - clock.now()).total_seconds())
        # What a cancel took out of the queue never ran, and is not told.
        if record.id in self._telling or (record.cancelled and record.started_at is None):
            return
        self._telling.add(record.id)
        await clock.sleep(record.script.seconds("webhook_late", _LATE_SECONDS))
        body = dumps(self._payload(record))
        for _ in range(2 if record.script.has("webhook_duplicate") else 1):
            await self._deliver(record, url, body)
        # Only now: a process that dies in between is followed by one that tells again, as fal may, too.
        record.told = True
        self._book.keep(record)

    async def _deliver(self, record: FalRequest, url: str, body: bytes) -> None:
        for pause in (0.0, *self._core.config.webhook_retry_seconds):
            await self._core.clock.sleep(pause)
            status = await self._post(record, url, body)
            # 2xx is taken; 3xx is a failure that is not tried again.
            if status is not None and 200 <= status < 400:  # noqa: PLR2004 - as the comment says
                return

    async def _post(self, record: FalRequest, url: str, body: bytes) -> int | None:
        at = self._core.clock.now()
        valid = not record.script.has("webhook_bad_signature")
        headers = self.signer.headers(record.id, body, at, valid=valid)
        if record.script.has("webhook_stale"):
            old = datetime.fromtimestamp(at.timestamp() - _STALE_SECONDS, at.tzinfo)
            headers = self.signer.headers(record.id, body, old)
        if self._client is None:
            timeout = self._core.config.webhook_timeout_seconds
            self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        try:
            return (await self._client.post(url, content=body, headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return None

    def _payload(self, record: FalRequest) -> dict[str, Any]:
        verdict = self._book.verdict(record)
        gateway_id = record.gateway_id(self._core.clock.now())
        told: dict[str, Any] = {"request_id": record.id, "gateway_request_id": gateway_id, "status": "OK"}
        if not verdict.succeeded:
            told |= {"status": "ERROR", "error": f"Invalid status code: {verdict.status}"}
        if record.script.has("webhook_payload_null"):
            return told | {"payload": None, "payload_error": "the output is not JSON serializable"}
        return told | {"payload": verdict.body}


def _public(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
    }
