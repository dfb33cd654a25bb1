"""From a job's input to the body that a fal endpoint takes."""

from collections.abc import Mapping
from typing import Any, Final

from domain.generation import GenerationInput
from providers.base import Unsupported
from providers.fal.families import Family, family_of
from providers.fal.slots import Refusal
from providers.fal.urls import InvalidEndpoint, app_of

# Values that every endpoint honours by doing nothing.
_NEUTRAL: Final[Mapping[str, Any]] = {"audio": False, "count": 1, "loras": []}


def arguments(endpoint: str, given: GenerationInput) -> dict[str, Any]:
    """The body for ``endpoint``; ``extra`` is laid over it untouched and wins.

    Raises:
        Unsupported: the endpoint cannot honour a field, or the value is outside what it takes.
    """
    try:
        app_of(endpoint)
    except InvalidEndpoint as error:
        raise Unsupported("model", str(error)) from error
    family = family_of(endpoint)
    body = dict(family.sent) | _written(family, endpoint, given.given()) | given.extra
    if family.needs is not None and family.needs[1] not in body:
        raise Unsupported(family.needs[0], f"{endpoint} cannot run without {family.needs[1]}")
    return body


def _written(family: Family, endpoint: str, given: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field, value in given.items():
        if field in family.slots:
            body |= _one(family, field, value, body)
        elif _NEUTRAL.get(field) != value:
            raise Unsupported(field, f"{endpoint} does not take it; it takes {', '.join(family.slots)}")
    return body


def _one(family: Family, field: str, value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        part = family.slots[field](value)
    except Refusal as error:
        raise Unsupported(field, str(error)) from error
    twice = part.keys() & body.keys()
    if twice:
        raise Unsupported(
            field, f"{', '.join(sorted(twice))} is already set by another field: give one of them"
        )
    return part
