"""Checking that a webhook comes from fal (fal queue contract, section 7). It is a hint, never a verdict."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from outbound.direct import DirectWire
from outbound.wire import Request, WireError
from providers.base import HookHint, HookRefused, HookUnverifiable
from providers.fal.answers import Unreadable, parse_object

TOLERANCE_SECONDS: Final = 300
KEYS_KEPT_SECONDS: Final = 24 * 3600.0
REFETCH_SECONDS: Final = 60.0
FETCH_SECONDS: Final = 10.0
_SIGNED: Final = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")
_SIGNATURE: Final = "x-fal-webhook-signature"

Fetch = Callable[[str], bytes]
Keys = tuple[Ed25519PublicKey, ...]


class WebhookVerifier:
    """Verifies webhooks by the keys at ``jwks_url``, kept for a day; safe to use from several threads.

    ``clock`` gives seconds since 1970; ``fetch`` returns the body at an address, or raises WireError.
    """

    def __init__(
        self, jwks_url: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = jwks_url
        self._fetch = fetch or _fetcher()
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys = ()
        self._fetched_at = self._asked_at = float("-inf")

    def verify(self, headers: Mapping[str, str], body: bytes) -> HookHint:
        """The request that a webhook is about.

        Raises:
            HookRefused: a header is missing, it is too old, its signature is wrong, it names no request.
            HookUnverifiable: the keys cannot be had.
        """
        message, signature = self._signed(headers, body)
        if not _matches(self._current(), message, signature) and not _matches(
            self._renewed(), message, signature
        ):
            raise HookRefused("the signature matches none of fal's keys")
        return _hint(body)

    def check(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        """The same by the keys at hand: it fetches none and waits for nobody.

        None where these are too old, or none of them matches; ``verify`` then decides.

        Raises:
            HookRefused: whatever the keys, it is wrong.
        """
        message, signature = self._signed(headers, body)
        if self._is_stale() or not _matches(self._keys, message, signature):
            return None
        return _hint(body)

    def _signed(self, headers: Mapping[str, str], body: bytes) -> tuple[bytes, bytes]:
        lower = {name.lower(): value for name, value in headers.items()}
        missing = [name for name in (*_SIGNED, _SIGNATURE) if not lower.get(name)]
        if missing:
            raise HookRefused(f"the header {missing[0]} is missing")
        request_id, user_id, timestamp = (lower[name] for name in _SIGNED)
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise HookRefused("the timestamp is not in whole seconds")
        if abs(self._clock() - int(timestamp[:18])) > TOLERANCE_SECONDS:
            raise HookRefused(f"the timestamp is more than {TOLERANCE_SECONDS} seconds away from now")
        try:
            signature = bytes.fromhex(lower[_SIGNATURE])
        except ValueError as error:
            raise HookRefused("the signature is not hexadecimal") from error
        digest = hashlib.sha256(body).hexdigest()
        return f"{request_id}\n{user_id}\n{timestamp}\n{digest}".encode(), signature

    def _current(self) -> Keys:
        # Good keys are read without the lock, so that no forger's refetch holds up a genuine webhook.
        if self._is_stale():
            with self._lock:
                if self._is_stale():
                    self._refresh()
        return self._keys

    def _renewed(self) -> Keys:
        """The keys after another fetch: fal may have changed them within the day."""
        with self._lock:
            if self._clock() - self._asked_at >= REFETCH_SECONDS:
                self._refresh()
            return self._keys

    def _is_stale(self) -> bool:
        return self._clock() - self._fetched_at > KEYS_KEPT_SECONDS

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._asked_at < REFETCH_SECONDS:
            raise HookUnverifiable("fal's keys could not be read less than a minute ago")
        self._asked_at = now
        try:
            keys = _read_keys(self._fetch(self._url))
        except (WireError, Unreadable) as error:
            raise HookUnverifiable(f"fal's keys could not be read: {error}") from error
        if not keys:
            raise HookUnverifiable("fal's key list holds no Ed25519 key")
        self._keys, self._fetched_at = keys, now


def _fetcher() -> Fetch:
    wire = DirectWire()

    def fetch(url: str) -> bytes:
        reply = wire.call(Request("GET", url), timeout=FETCH_SECONDS)
        if not reply.ok:
            raise Unreadable(f"status {reply.status}")
        return reply.body

    return fetch


def _read_keys(body: bytes) -> Keys:
    listed = parse_object(body).get("keys")
    found = (_read_key(item) for item in (listed if isinstance(listed, list) else []))
    return tuple(key for key in found if key is not None)


def _read_key(item: Any) -> Ed25519PublicKey | None:  # noqa: ANN401 - whatever JSON holds
    """A key of 32 bytes in base64url, its padding left out; None for a key of another sort."""
    x = item.get("x") if isinstance(item, dict) else None
    if not isinstance(x, str):
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))
    except ValueError:
        return None


def _matches(keys: Keys, message: bytes, signature: bytes) -> bool:
    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def _hint(body: bytes) -> HookHint:
    try:
        told = parse_object(body)
    except Unreadable as error:
        raise HookRefused(str(error)) from error
    request_id, gateway_id = told.get("request_id"), told.get("gateway_request_id")
    if not isinstance(request_id, str) or not request_id:
        raise HookRefused("the body names no request_id")
    return HookHint(request_id, gateway_id if isinstance(gateway_id, str) else None)
