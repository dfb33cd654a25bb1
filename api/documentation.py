"""The OpenAPI document: what routes answer, the bodies that they read themselves, and the words around it."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.schemas.access import KeyRequest, ProjectRequest
from api.schemas.base import Problem
from api.schemas.batches import BatchChange, ResumeRequest
from api.schemas.budgets import BudgetRequest
from api.schemas.callbacks import EndpointChange, EndpointRequest, RedeliveryRequest
from api.schemas.erasing import RetentionRequest
from api.schemas.resolve import ResolveRequest
from api.sheet_documentation import BatchForm
from domain.generation import JobRequest

_BODIES: Final[tuple[type[BaseModel], ...]] = (
    BatchChange,
    BatchForm,
    BudgetRequest,
    EndpointChange,
    EndpointRequest,
    JobRequest,
    KeyRequest,
    ProjectRequest,
    RedeliveryRequest,
    ResolveRequest,
    ResumeRequest,
    RetentionRequest,
)
_REF: Final = "#/components/schemas/{model}"

JOB_EXAMPLE: Final[Mapping[str, Any]] = {
    "model": "kling-v3",
    "input": {"prompt": "a red kite over dunes", "duration": 5, "resolution": "720p", "aspect_ratio": "16:9"},
    "routing": {"policy": "cheapest", "max_cost_usd": "0.90"},
    "tags": {"client": "acme"},
}

DESCRIPTION: Final = """\
A self-hosted queue for generated media: it never pays twice, never loses what was paid for, and always knows
the price.

Every answer is JSON, every error `application/problem+json` (RFC 9457) with a stable `code`. Times are
RFC 3339 in UTC, ids are UUIDv7, and money is exact: `{"nano_usd": 61000000, "usd": "0.061"}`, or null where
it is not known.
"""

TAGS: Final = [
    {"name": "jobs", "description": "Ask for a generation, follow it, take its files."},
    {"name": "batches", "description": "Many jobs from one spreadsheet, and what became of each row."},
    {"name": "catalogue", "description": "What can be run, and what it would cost."},
    {"name": "budgets", "description": "What may be spent, in which period, and what is left of it."},
    {"name": "costs", "description": "What was spent, on what, and whether the books add up."},
    {"name": "callbacks", "description": "What was told to whom, and how it was answered."},
    {"name": "access", "description": "Projects, keys and signing secrets: for admin keys."},
    {"name": "health", "description": "Alive, and ready."},
]

_MEANINGS: Final[Mapping[int, str]] = {
    400: "The body is not JSON, or a header is wrong.",
    401: "No key, or one that is unknown or revoked.",
    402: "A budget does not cover what it may cost: `budget`, `left` and `renews_at` say more.",
    403: "The key's scope does not cover this.",
    404: "There is no such thing in this project.",
    406: "The answer cannot be given in the form that was asked for.",
    409: "It cannot be done in the state that the thing is in.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "A field or parameter is wrong; `errors` names each one.",
    503: "A service that is needed does not answer just now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route answers, for its documentation; 503 goes with all of them."""
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in (*statuses, 503)}


def request_body(
    model: type[BaseModel], example: Mapping[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """The documentation of a body that the route reads itself."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    content = {"application/json": {"schema": schema, "example": dict(example)}}
    return {"requestBody": {"required": required, "content": content}}


class Documented(FastAPI):
    """An application whose document has the bodies that routes read themselves, too."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; made once."""
        if self.openapi_schema is None:
            found = super().openapi()
            bodies: list[Any] = [(body, "validation") for body in _BODIES]
            _, more = models_json_schema([*bodies, (Problem, "serialization")], ref_template=_REF)
            found["components"]["schemas"].update(more["$defs"])
            self.openapi_schema = found
        return self.openapi_schema
