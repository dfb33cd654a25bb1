"""Request bodies: read with a limit, parsed strictly, and checked against what the route takes."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.answers import Problem
from api.complaints import complaints
from api.strict_json import NotJsonError, UnkeepableError, parse

MAX_JSON_BYTES: Final = 2 * 1024 * 1024
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Body(Generic[Model]):
    """A request body: what it says, as it was meant and as it came."""

    value: Model
    document: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """What two bodies share only if they say the same."""
        return sha256(_CANONICAL.encode(self.document).encode()).hexdigest()


def body_of(model: type[Model]) -> Callable[[Request], Awaitable[Body[Model]]]:
    """A dependency that reads a JSON body as ``model``."""

    async def read_body(request: Request) -> Body[Model]:
        return read_as(model, await read_json(request))

    return read_body


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in the body.

    Raises:
        Problem: 415 not declared as JSON, 413 too large, 400 not JSON, 422 JSON that cannot be kept.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            415, "unsupported_media_type", f"send Content-Type: application/json, not {kind or 'none'}"
        )
    try:
        return parse(await read_limited(request, MAX_JSON_BYTES))
    except NotJsonError as error:
        raise Problem(400, "invalid_json", str(error)) from error
    except UnkeepableError as error:
        faults = [{"field": field, "message": sentence} for field, sentence in error.problems]
        raise _invalid(faults) from error


async def read_limited(request: Request, most: int) -> bytes:
    """The body as it came; raises Problem (413) as soon as there are more bytes than ``most``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            size = f"{most // (1024 * 1024)} MB"
            raise Problem(413, "too_large", f"the body is larger than {size}, the most taken here")
    return bytes(body)


def read_as(model: type[Model], document: dict[str, Any]) -> Body[Model]:
    """``document`` as ``model``; raises Problem (422) that names every field that is wrong."""
    try:
        value = model.model_validate(document)
    except ValidationError as error:
        raise _invalid(complaints(error.errors(include_url=False), document, model)) from error
    return Body(value, document)


def _invalid(faults: list[dict[str, str]]) -> Problem:
    said = "; ".join(f"{fault['field'] or 'the body'} {fault['message']}" for fault in faults)
    return Problem(422, "invalid_input", said, errors=faults)
