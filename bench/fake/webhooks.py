"""fal's webhooks, signed as fal signs them and sent the moment a generation ends (contract section 7)."""

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.fake.book import Made

JWKS: Final = "/fal/.well-known/jwks.json"
_SENDERS: Final = 16
_USER: Final = "bench"

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Webhooks:
    """Waits for the end of each request and posts it; sixteen at a time, each over a connection it keeps."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._due: asyncio.Queue[tuple[Made, dict[str, Any]]] = asyncio.Queue()
        self._senders = [asyncio.create_task(self._send()) for _ in range(_SENDERS)]

    def watch(self, made: Made, payload: dict[str, Any]) -> None:
        """Tell of ``made``, with what it made, once it has ended."""
        loop = asyncio.get_running_loop()
        loop.call_later(made.ends - time.time(), self._due.put_nowait, (made, payload))

    def jwks(self) -> bytes:
        """The public key."""
        raw = self._key.public_key().public_bytes_raw()
        key = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}
        return json.dumps({"keys": [key]}).encode()

    async def _send(self) -> None:
        kept: _Streams | None = None
        while True:
            made, payload = await self._due.get()
            url = urlsplit(made.webhook or "")
            request = self._request(made, payload, url.path, url.netloc)
            # A connection that was kept may have been closed meanwhile: then once more on a new one.
            kept = await _post(request, kept) or await _post(request, await _open(url))

    def _request(self, made: Made, payload: dict[str, Any], path: str, host: str) -> bytes:
        told = {"request_id": made.id, "gateway_request_id": made.id, "status": "OK"}
        body = json.dumps({**told, "payload": payload}).encode()
        timestamp = str(int(time.time()))
        message = f"{made.id}\n{_USER}\n{timestamp}\n{hashlib.sha256(body).hexdigest()}".encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-Fal-Webhook-Request-Id: {made.id}\r\n"
            f"X-Fal-Webhook-User-Id: {_USER}\r\nX-Fal-Webhook-Timestamp: {timestamp}\r\n"
            f"X-Fal-Webhook-Signature: {self._key.sign(message).hex()}\r\n\r\n"
        )
        return head.encode() + body


async def _open(url: SplitResult) -> _Streams | None:
    with contextlib.suppress(OSError):
        return await asyncio.open_connection(url.hostname, url.port)
    return None


async def _post(request: bytes, streams: _Streams | None) -> _Streams | None:
    """The streams again once the answer is read; None where there was none."""
    if streams is None:
        return None
    reader, writer = streams
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
    except (OSError, asyncio.IncompleteReadError):
        return None
    return streams
