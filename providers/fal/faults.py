"""What an error reply says, from either of fal's two body shapes (fal queue contract, section 5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from outbound.wire import Reply
from providers.fal.answers import Unreadable, parse_object

MAX_TEXT: Final = 500
TIMEOUT_TYPE: Final = "x-fal-request-timeout-type"
_RETRY_HEADERS: Final = ("x-fal-retryable", "x-fal-needs-retry")
_YES: Final = frozenset({"true", "1"})
_NO: Final = frozenset({"false", "0"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One error reply, read.

    ``types`` are fal's error types, the platform's first; ``retryable`` is fal's own word, None where it
    gave none; ``by_caller`` tells a start timeout that the caller set from one of the application;
    ``marked`` holds when the reply bears the id that fal's own servers put on theirs; ``fields`` are the
    fields of the input that it complains of.
    """

    status: int
    text: str = ""
    types: tuple[str, ...] = ()
    retryable: bool | None = None
    by_caller: bool = False
    marked: bool = False
    json: bool = False
    fields: frozenset[str] = frozenset()

    @property
    def typed(self) -> bool:
        """Whether the reply names one of fal's own errors, as no gateway's page does."""
        return self.by_caller or bool(self.types)


def read_fault(reply: Reply) -> Fault:
    """Read an error reply; a body in no known shape leaves only its status and headers."""
    try:
        body, json = parse_object(reply.body), True
    except Unreadable:
        body, json = {}, False
    return Fault(
        status=reply.status,
        text=trimmed(_text(body)),
        types=tuple(_types(body, reply.headers)),
        retryable=_retryable(reply.headers),
        by_caller=reply.headers.get(TIMEOUT_TYPE, "").lower() == "user",
        marked="x-fal-request-id" in reply.headers,
        json=json,
        fields=frozenset(_fields(body)),
    )


def trimmed(text: str) -> str:
    """``text`` on one line, at most 500 characters of it, and none that a database refuses to store."""
    start = text[: 4 * MAX_TEXT]
    line = " ".join("".join(char if char.isprintable() else " " for char in start).split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def _text(body: Mapping[str, Any]) -> str:
    detail = body.get("detail") or body.get("error") or body.get("message")
    if isinstance(detail, list):
        return "; ".join(_sentence(item) for item in detail if isinstance(item, dict))
    if isinstance(detail, dict):
        detail = detail.get("message") or detail.get("msg")
    return detail if isinstance(detail, str) else ""


def _sentence(item: Mapping[str, Any]) -> str:
    loc = item.get("loc")
    where = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    message = str(item.get("msg") or item.get("type") or "no reason given")
    return f"{where}: {message}" if where else message


def _fields(body: Mapping[str, Any]) -> Iterator[str]:
    detail = body.get("detail")
    for item in detail if isinstance(detail, list) else []:
        loc = item.get("loc") if isinstance(item, dict) else None
        if isinstance(loc, list) and loc:
            yield str(loc[-1])


def _types(body: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    detail = body.get("detail")
    items = detail if isinstance(detail, list) else []
    platform = body.get("error_type") or headers.get("x-fal-error-type")
    for kind in (platform, *(item.get("type") for item in items if isinstance(item, dict))):
        if isinstance(kind, str) and trimmed(kind):
            yield trimmed(kind)


def _retryable(headers: Mapping[str, str]) -> bool | None:
    for name in _RETRY_HEADERS:
        value = headers.get(name, "").strip().lower()
        if value in _YES or value in _NO:
            return value in _YES
    return None
