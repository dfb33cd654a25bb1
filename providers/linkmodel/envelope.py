"""The envelope around every LinkModel media answer, read without trust (LinkModel contract, envelope)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_MOST_TEXT: Final = 500
_MOST_ID: Final = 200
_MOST_DIGITS: Final = 9


class NotAnEnvelope(ValueError):  # noqa: N818 - names the fact
    """The body is no JSON object: a gateway's page, a cut-off answer, or nothing."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One answer. ``code`` is None where it is missing or no number, which is never a success."""

    code: int | None
    message: str
    request_id: str | None
    data: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether LinkModel calls it a success; the HTTP status must agree."""
        return self.code == 0

    @property
    def task_id(self) -> str | None:
        """The id of the task, where there is one that can be stored and asked for."""
        task_id = self.data.get("task_id")
        usable = isinstance(task_id, str) and task_id.strip() and task_id.isprintable()
        return task_id if usable else None

    def said(self, text: str | None = None) -> str:
        """LinkModel's words (or ``text`` of its ``data``) with the id that its support asks for."""
        words = plain(self.message if text is None else text) or "no reason given"
        return f"{words} (LinkModel request {self.request_id})" if self.request_id else words


def read(body: bytes) -> Envelope:
    """Read an answer; create calls say ``msg``, query calls ``message``, and both are taken everywhere.

    Raises:
        NotAnEnvelope: the body is not a JSON object.
    """
    try:
        outer = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise NotAnEnvelope("the body is not JSON") from error
    if not isinstance(outer, dict):
        raise NotAnEnvelope("the body is not a JSON object")
    data = outer.get("data")
    return Envelope(
        code=_code(outer.get("code")),
        message=_first_text(outer, "msg", "message"),
        request_id=plain(_first_text(outer, "request_id", "requestId"), _MOST_ID) or None,
        data=data if isinstance(data, dict) else {},
    )


def plain(text: str, most: int = _MOST_TEXT) -> str:
    """Another party's text made fit to store and show: printable, one line, at most ``most`` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * most])
    line = " ".join(printable.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _first_text(outer: Mapping[str, Any], *names: str) -> str:
    """The first that is a text; an empty one wins over the next name."""
    return next((outer[name] for name in names if isinstance(outer.get(name), str)), "")


def _code(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    # 0.0 is the same JSON number as 0; a giant exponent is no code, and must not be expanded.
    small = number.adjusted() <= _MOST_DIGITS
    return int(number) if small and number == int(number) else None
