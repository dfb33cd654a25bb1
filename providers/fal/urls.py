"""Addresses in fal's queue, and which addresses the key may be sent to (fal queue contract, section 2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

NAMESPACES: Final = frozenset({"workflows", "comfy"})
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
# A path that every reader takes for the same: nothing to decode, nothing to resolve.
_PLAIN_PATH: Final = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


class InvalidEndpoint(ValueError):  # noqa: N818 - names the fact
    """The text is not an endpoint id."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint!r} is not a fal endpoint: write it like owner/app or owner/app/path, "
            "with letters, digits, dots, dashes and underscores"
        )


@dataclass(frozen=True, slots=True)
class Links:
    """The three addresses of one request."""

    status: str
    response: str
    cancel: str


@lru_cache(maxsize=1024)
def app_of(endpoint: str) -> str:
    """``owner/app`` of an endpoint id, which is all that status, result and cancel go by.

    Raises:
        InvalidEndpoint: not an endpoint id.
    """
    parts = endpoint.split("/")
    length = 3 if parts[0] in NAMESPACES else 2
    if len(parts) < length or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise InvalidEndpoint(endpoint)
    return "/".join(parts[:length])


class Queue:
    """The configured queue: the one place that the key goes to."""

    def __init__(self, queue_url: str) -> None:
        self._base = httpx.URL(queue_url)
        self.base = str(self._base).rstrip("/")
        self._inside = self._base.path.rstrip("/") + "/"

    def links(self, endpoint: str, request_id: str, told: Mapping[str, Any]) -> Links:
        """The addresses of a request: as ``told`` where they lie in this queue, else rebuilt from its id.

        Raises:
            InvalidEndpoint: not an endpoint id.
        """
        own = f"{self.base}/{app_of(endpoint)}/requests/{quote(request_id, safe='')}"
        return Links(
            status=self.inside(told.get("status_url")) or f"{own}/status",
            response=self.inside(told.get("response_url")) or own,
            cancel=self.inside(told.get("cancel_url")) or f"{own}/cancel",
        )

    def inside(self, url: object) -> str | None:
        """``url`` in normal form when it lies in this queue; None when the key must not be sent there."""
        if isinstance(url, str) and url.startswith(self.base) and _PLAIN_PATH.fullmatch(url, len(self.base)):
            # As good as all of them are: parsing it anew for each look costs more than the look.
            return url
        try:
            return self._normal(url) if isinstance(url, str) else None
        except (httpx.InvalidURL, ValueError):
            return None

    def _normal(self, url: str) -> str | None:
        there = httpx.URL(url)
        same = (there.scheme, there.host, there.port) == (self._base.scheme, self._base.host, self._base.port)
        climbs = ".." in there.path.split("/")
        if not same or there.userinfo or climbs or not there.path.startswith(self._inside):
            return None
        return str(there.copy_with(fragment=None))

    def moved(self, url: str) -> str:
        """``url`` as the fal client made it, moved from its fixed host to this queue."""
        if url.startswith(f"{self.base}/"):
            return url
        there = urlsplit(url)
        return self.base + there.path + (f"?{there.query}" if there.query else "")
