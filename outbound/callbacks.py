"""Sending callbacks: one signed POST, guarded, with one deadline for all of it (Standard Webhooks)."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import httpcore
import httpx
from standardwebhooks.webhooks import Webhook

from outbound.addresses import PrivateHosts
from outbound.calls import Calls
from outbound.guard import BlockedAddress, Guard, Resolver, read_url, resolve
from outbound.loop import run
from outbound.retry_after import retry_after
from outbound.turns import Turns

MAX_ANSWER_BYTES: Final = 64 * 1024
EXCERPT_BYTES: Final = 1024
_SECRET_BYTES: Final = 32
_TROUBLE: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)
_HEADERS: Final = {
    "Accept-Encoding": "identity",
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
    """Posts callbacks, each in its turn, on the process's loop: hundreds that hang hold up nobody else.

    ``timeout_seconds`` covers name, connection, TLS, request and answer together.
    """

    def __init__(
        self, private_hosts: PrivateHosts, *, timeout_seconds: float = 15.0, resolver: Resolver = resolve
    ) -> None:
        self._seconds = timeout_seconds
        self._turns = Turns()
        self._calls = Calls(Guard(private_hosts, resolver), timeout_seconds)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` once; trouble on the network or at the receiver is an answer, not an exception."""
        return run(self._post(url, body, headers, None)).result()

    def begin(self, url: str, body: bytes, headers: Mapping[str, str], *, patience: float) -> Future[Answer]:
        """Begin the same; raises TimeoutError from its result when no turn comes within ``patience``."""
        return run(self._post(url, body, headers, patience))

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], patience: float | None
    ) -> Answer:
        host, address = _place(url)
        async with self._turns.turn(host, address, patience):
            exchange = _Exchange()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._send(url, body, headers, exchange)
            except BlockedAddress as error:
                exchange.error = f"refused: {error}"
            except TimeoutError:
                exchange.error = f"Timeout: not done within {self._seconds:g} s"
            except _TROUBLE as error:
                exchange.error = f"{type(error).__name__}: {error}".removesuffix(": ")
            answer = exchange.answer()
            self._turns.judge(address, well=answer.ok)
            return answer

    async def _send(self, url: str, body: bytes, headers: Mapping[str, str], exchange: "_Exchange") -> None:
        all_headers = httpx.Headers(_HEADERS)
        all_headers.update(headers)
        request = httpx.Request("POST", read_url(url), headers=all_headers, content=body)
        async with self._calls.exchange(request, body) as response:
            exchange.begin(httpx.Response(response.status, headers=response.headers))
            async for chunk in response.aiter_stream():
                exchange.body += chunk
                if len(exchange.body) >= MAX_ANSWER_BYTES:
                    break


def _place(url: str) -> tuple[str, str]:
    """The host and the address that a turn is for: what comes before the path, and before the query."""
    address = url.partition("?")[0]
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower(), address


class _Exchange:
    """One exchange as it unfolds, so that what came before a break is kept."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.status: int | None = None
        self.retry_after: float | None = None
        self.error: str | None = None
        self.body = bytearray()

    def begin(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.retry_after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        if response.has_redirect_location:
            self.error = f"answered with HTTP {self.status}: a callback does not follow redirects"

    def answer(self) -> Answer:
        excerpt = self.body[:EXCERPT_BYTES].decode("utf-8", errors="replace").replace("\0", "")
        return Answer(self.status, monotonic() - self._started, excerpt, self.error, self.retry_after)
