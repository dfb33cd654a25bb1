"""JSON on the wire: numbers stay exact decimals in both directions, and bodies are objects."""

import json
import re
import secrets
from decimal import Decimal
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

# json cannot print a Decimal as a number, so it is printed as a string that nobody can guess, then unquoted.
_MARK = secrets.token_hex(16)
_MARKED = re.compile(rf'"{_MARK}:([-0-9.]+)"')


class BodyError(ValueError):
    """The body of a request is not a JSON object."""


def dumps(content: object) -> bytes:
    """Compact ASCII JSON in which a Decimal is a plain number with all its digits."""
    text = json.dumps(content, default=_place, separators=(",", ":"))
    return _MARKED.sub(r"\1", text).encode("ascii")


def loads(body: bytes) -> dict[str, Any]:
    """Read a JSON object; numbers with a fraction come out as Decimal.

    Raises:
        BodyError: not JSON, or not an object.
    """
    try:
        content = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BodyError("the body is not JSON") from error
    if not isinstance(content, dict):
        raise BodyError("the body must be a JSON object")
    return content


class ExactJson(Response):
    """A JSON response printed by ``dumps``."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Print the content."""
        return dumps(content)


def base_url(request: Request, public_url: str | None) -> str:
    """The base of links given out in the answer to this request, without a slash at its end."""
    return (public_url or str(request.base_url)).rstrip("/")


def _place(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}:{value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
