"""The route that takes jobs in: the one that customers call most."""

import re
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.answers import Problem
from api.body import read_as, read_json
from api.callers import caller_of
from api.direct import Direct
from api.documentation import JOB_EXAMPLE, problems, request_body
from api.parts import Parts
from api.queries import refuse_others
from api.schemas.jobs import Job
from domain.generation import JobRequest
from services.accept import Reception, Repeatable
from services.access import Scope

router: Final = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=Direct)

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ABOUT_KEY: Final = (
    "The same key with the same body answers what the first request was answered, for a day at least; with "
    "another body it is an error."
)
_DOCUMENTED: Final[dict[str, Any]] = {
    "security": [{"key": []}],
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "schema": {
                "anyOf": [{"type": "string", "pattern": f"^{_KEY.pattern}$"}, {"type": "null"}],
                "description": _ABOUT_KEY,
                "title": "Idempotency-Key",
            },
            "description": _ABOUT_KEY,
        }
    ],
}
_ACCEPTED_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "Where the job is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this was answered before.",
        "schema": {"type": "string"},
    },
}


@router.post(
    "",
    status_code=202,
    summary="Ask for a generation",
    response_model=Job,
    responses={202: {"headers": _ACCEPTED_HEADERS}, **problems(400, 401, 402, 403, 409, 413, 415, 422)},
    openapi_extra=request_body(JobRequest, JOB_EXAMPLE) | _DOCUMENTED,
)
async def submit_job(request: Request) -> Response:
    """The job runs once this is answered, whatever happens to this process afterwards."""
    parts: Parts = request.app.state.parts
    reception: Reception = request.app.state.reception
    refuse_others(request)
    caller = await caller_of(request, parts.keys, Scope.SUBMIT)
    body = read_as(JobRequest, await read_json(request))
    key = _idempotency_key(request)
    acceptance = await reception.accept(
        project_id=caller.project_id,
        request=body.value,
        repeatable=None if key is None else Repeatable(key, body.fingerprint),
    )
    headers = {"Location": f"/v1/jobs/{acceptance.job_id}"}
    if acceptance.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(acceptance.answer, 202, headers, "application/json")


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None or _KEY.fullmatch(key) is not None:
        return key
    fault = {
        "field": "idempotency-key",
        "message": "must be 1 to 255 visible ASCII characters without spaces",
    }
    raise Problem(400, "invalid_header", f"{fault['field']} {fault['message']}", errors=[fault])
