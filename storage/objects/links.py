"""Signed links to objects on a local directory: made, and checked by the route that serves them."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from storage.objects.base import Disposition
from storage.objects.disposition import content_disposition
from storage.objects.keys import check_key

_SIGNED: Final = ("expires", "disposition", "filename", "type")


class LinkInvalid(Exception):  # noqa: N818 - names the fact
    """The link was not made here, or was changed."""


class LinkExpired(LinkInvalid):
    """The link was made here and its time is over."""


@dataclass(frozen=True, slots=True)
class LocalLink:
    """What a valid link grants: one object, served with these headers."""

    key: str
    content_type: str
    content_disposition: str


class LinkSigner:
    """Makes and checks links under ``base_url``; the signature covers the key and every parameter."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        self._secret = secret
        self._base_url = base_url.rstrip("/")

    def link(
        self, key: str, *, expires: int, filename: str, disposition: Disposition, content_type: str
    ) -> str:
        """The URL; ``expires`` in seconds since 1970."""
        params = {
            "expires": str(expires),
            "disposition": disposition,
            "filename": filename,
            "type": content_type,
        }
        query = urlencode(params | {"signature": self._signature(key, params)})
        return f"{self._base_url}/files/{key}?{query}"

    def verify(self, key: str, params: Mapping[str, str], now: datetime) -> LocalLink:
        """What the link grants; raises LinkInvalid or LinkExpired."""
        signature = params.get("signature", "").encode()
        signed = {name: params.get(name, "") for name in _SIGNED}
        exact = set(params) == {*_SIGNED, "signature"}
        if not (hmac.compare_digest(signature, self._signature(key, signed).encode()) and exact):
            raise LinkInvalid("the link was changed or was not made here")
        if int(signed["expires"]) <= now.timestamp():
            raise LinkExpired("the link has expired; ask for a new one")
        disposition: Disposition = "attachment" if signed["disposition"] == "attachment" else "inline"
        header = content_disposition(disposition, signed["filename"])
        return LocalLink(check_key(key), signed["type"], header)

    def _signature(self, key: str, params: Mapping[str, str]) -> str:
        # urlencode escapes the newline, so no two links share one text.
        text = f"{key}\n{urlencode([(name, params[name]) for name in _SIGNED])}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
