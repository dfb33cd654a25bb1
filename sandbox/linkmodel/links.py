"""Signed, expiring media links in the manner of the gateway's object store (contract section 7)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.datastructures import QueryParams


class LinkSigner:
    """Signs a path for some seconds from a time on, and checks what comes back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def link(self, base: str, path: str, at: datetime, seconds: int) -> str:
        """A link below ``base`` that works for ``seconds`` after ``at``."""
        since = str(int(at.timestamp()))
        query = {
            "x-oss-date": since,
            "x-oss-expires": str(seconds),
            "signature": self._sign(path, since, str(seconds)),
        }
        return f"{base}{path}?{urlencode(query)}"

    def refusal(self, path: str, query: QueryParams, now: datetime) -> str | None:
        """The object store's error code: SignatureDoesNotMatch, AccessDenied when expired, or None."""
        since, seconds = query.get("x-oss-date", ""), query.get("x-oss-expires", "")
        if not hmac.compare_digest(self._sign(path, since, seconds), query.get("signature", "")):
            return "SignatureDoesNotMatch"
        # What was signed here is a number, so it can be read as one.
        expires = datetime.fromtimestamp(int(since), UTC) + timedelta(seconds=int(seconds))
        return "AccessDenied" if now > expires else None

    def _sign(self, path: str, since: str, seconds: str) -> str:
        message = f"{path}\n{since}\n{seconds}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
