"""Erasing what fal keeps of a request: input, output and the files it made (fal platform contract)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from outbound.retry_after import retry_after
from outbound.wire import Reply, Request, Wire, WireError
from providers.base import LookFailed, PayloadErased
from providers.fal.answers import Unreadable, parse_object

ERASE_SECONDS: Final = 20.0
_NOT_FOUND: Final = 404
_REFUSED_KEY: Final = frozenset({401, 403})
_NO_ADMIN_KEY: Final = (
    "fal.ai lets only an admin key erase ({status}): set FAL_ADMIN_KEY to one of the same account, and "
    "delete this once more"
)


class Payloads:
    """The payloads of an account's requests; ``key`` has to be an admin key of the account."""

    def __init__(self, key: str, platform_url: str, wire: Wire) -> None:
        self._headers = {"Authorization": f"Key {key}", "Accept": "application/json"}
        self._url = f"{platform_url.rstrip('/')}/models/requests"
        self._wire = wire

    def erase(self, request_id: str) -> PayloadErased:
        """Erase a request's input and output and the files it made; again does no harm.

        Raises:
            LookFailed: it was not erased; ``missing`` where fal knows no such request, ``permanent`` where
                this key may not erase.
        """
        request = Request("DELETE", f"{self._url}/{quote(request_id, safe='')}/payloads", self._headers)
        try:
            reply = self._wire.call(request, timeout=ERASE_SECONDS)
            if not reply.ok:
                raise _refused(reply)
            results = parse_object(reply.body).get("cdn_delete_results")
        except WireError as error:
            raise LookFailed(f"fal.ai could not be asked to erase: {error}") from error
        except Unreadable as error:
            raise LookFailed(f"fal.ai's answer to the erasure could not be read: {error}") from error
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise LookFailed("fal.ai's answer to the erasure could not be read: it tells of no files")
        return _counted(results)


def _counted(results: list[Mapping[str, Any]]) -> PayloadErased:
    left = sum(one.get("exception") is not None for one in results)
    return PayloadErased(files=len(results) - left, files_left=left)


def _refused(reply: Reply) -> LookFailed:
    if reply.status in _REFUSED_KEY:
        return LookFailed(_NO_ADMIN_KEY.format(status=reply.status), permanent=True)
    if reply.status == _NOT_FOUND and _says_not_found(reply):
        return LookFailed("fal.ai knows no such request, or it has not ended there", missing=True)
    return LookFailed(
        f"fal.ai answered {reply.status} to the erasure",
        retry_after=retry_after(reply.headers.get("retry-after"), datetime.now(UTC)),
    )


def _says_not_found(reply: Reply) -> bool:
    """Whether it is the platform's own word: a gateway's page says nothing about the request."""
    try:
        error = parse_object(reply.body).get("error")
    except Unreadable:
        return False
    return isinstance(error, dict) and error.get("type") == "not_found"
