"""Reading a queue path: endpoint, request id and action, in every form in which fal takes them."""

from dataclasses import dataclass
from typing import Final

from sandbox.scenarios import CANCEL, RESULT, STATUS, SUBMIT

STREAM: Final = "stream"
_NAMESPACES: Final = frozenset({"workflows", "comfy"})
_ACTIONS: Final = {
    (): RESULT,
    ("response",): RESULT,
    ("status",): STATUS,
    ("status", "stream"): STREAM,
    ("cancel",): CANCEL,
}


@dataclass(frozen=True, slots=True)
class QueuePath:
    """``endpoint`` is the id as it was given; ``request_id`` is empty at a submit."""

    endpoint: str
    request_id: str
    action: str


def read(path: str) -> QueuePath | None:
    """Read the path below the queue's base; None where it leads nowhere (fal queue contract, URL rules)."""
    parts = [part for part in path.split("/") if part]
    least = _app_parts(parts)
    if len(parts) < least:
        return None
    if "requests" not in parts[least:]:
        return QueuePath("/".join(parts), "", SUBMIT)
    at = parts.index("requests", least)
    action = _ACTIONS.get(tuple(parts[at + 2 :]))
    if action is None or len(parts) == at + 1:
        return None
    return QueuePath("/".join(parts[:at]), parts[at + 1], action)


def app_id(endpoint: str) -> str:
    """``owner/app`` of an endpoint id, with its namespace if it has one: what status and result URLs hold."""
    parts = endpoint.split("/")
    return "/".join(parts[: _app_parts(parts)])


def _app_parts(parts: list[str]) -> int:
    return 3 if parts and parts[0] in _NAMESPACES else 2
