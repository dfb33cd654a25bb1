"""Sending callbacks: one signed POST, guarded, with one deadline for all of it (Standard Webhooks)."""

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import httpx
from standardwebhooks.webhooks import Webhook

from outbound.addresses import PrivateHosts
from outbound.deadline import Deadline
from outbound.guard import BlockedAddress, Guard, Resolver, read_url, resolve
from outbound.retry_after import retry_after
from outbound.transport import GuardedTransport

MAX_ANSWER_BYTES: Final = 64 * 1024
EXCERPT_BYTES: Final = 1024
_SECRET_BYTES: Final = 32
_HEADERS: Final = {
    "Accept-Encoding": "identity",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": "Darkroom",
}


def new_secret() -> str:
    """A fresh signing secret: ``whsec_`` and 32 random bytes in base64."""
    return "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def sign(signing_secrets: Sequence[str], msg_id: str, timestamp: datetime, body: bytes) -> dict[str, str]:
    """The three Standard Webhooks headers for ``body``; one signature per secret while one is rotated.

    ``timestamp`` is aware and is the time of this try; receivers refuse one that is minutes off.
    """
    moment = timestamp.astimezone(UTC)
    text = body.decode("utf-8")
    return {
        "webhook-id": msg_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(msg_id=msg_id, timestamp=moment, data=text) for secret in signing_secrets
        ),
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try: the HTTP ``status`` if one came, ``error`` in words if something went wrong.

    ``seconds`` is how long the try took, ``excerpt`` the beginning of the answer as text (no NUL, which no
    database takes), ``retry_after`` the wait in seconds that the receiver asked for.
    """

    status: int | None
    seconds: float
    excerpt: str = ""
    error: str | None = None
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took the callback: it answered 2xx, even if its body then broke off."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - the class of success


class Sender:
    """Posts callbacks; ``timeout_seconds`` covers name, connection, TLS, request and answer together."""

    def __init__(
        self, private_hosts: PrivateHosts, *, timeout_seconds: float = 15.0, resolver: Resolver = resolve
    ) -> None:
        self._guard = Guard(private_hosts, resolver)
        self._seconds = timeout_seconds

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` once; trouble on the network or at the receiver is an answer, not an exception."""
        exchange = _Exchange()
        try:
            self._send(url, body, headers, exchange)
        except BlockedAddress as error:
            exchange.error = f"refused: {error}"
        except httpx.TransportError as error:
            exchange.error = f"{type(error).__name__}: {error}".removesuffix(": ")
        return exchange.answer()

    def _send(self, url: str, body: bytes, headers: Mapping[str, str], exchange: "_Exchange") -> None:
        all_headers = httpx.Headers(_HEADERS)
        all_headers.update(headers)
        with (
            GuardedTransport(self._guard, Deadline(self._seconds)) as transport,
            transport.exchange(
                "POST", read_url(url), headers=all_headers, timeout=httpx.Timeout(self._seconds), content=body
            ) as response,
        ):
            exchange.begin(response)
            for chunk in response.iter_raw():
                exchange.body += chunk
                if len(exchange.body) >= MAX_ANSWER_BYTES:
                    break


class _Exchange:
    """One exchange as it unfolds, so that what came before a break is kept."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.status: int | None = None
        self.retry_after: float | None = None
        self.error: str | None = None
        self.body = b""

    def begin(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.retry_after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        if response.has_redirect_location:
            self.error = f"answered with HTTP {self.status}: a callback does not follow redirects"

    def answer(self) -> Answer:
        excerpt = self.body[:EXCERPT_BYTES].decode("utf-8", errors="replace").replace("\0", "")
        return Answer(self.status, monotonic() - self._started, excerpt, self.error, self.retry_after)
