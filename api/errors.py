"""How errors are told: what each kind of refusal is in HTTP, in one table."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.answers import Problem
from api.complaints import complaints
from services.hooks import Rejected
from services.refusals import Conflict, NotFound, OverBudget, Refused, Unavailable, Unprocessable
from storage.outage import DATABASE_AWAY

_RETRY: Final = {"Retry-After": "5"}
_STATUS: Final[Mapping[type[Refused], int]] = {
    OverBudget: 402,
    NotFound: 404,
    Conflict: 409,
    Unprocessable: 422,
    Unavailable: 503,
    Rejected: 401,
}
_CLIENT_CLOSED_REQUEST: Final = 499


def install(app: FastAPI) -> None:
    """Have every error of ``app`` told as a problem document."""
    app.exception_handler(Problem)(_problem)
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(ClientDisconnect)(_left)
    for away in DATABASE_AWAY:
        app.exception_handler(away)(_no_database)


async def _problem(request: Request, error: Problem) -> Response:
    return error.answer(request)


async def _refused(request: Request, error: Refused) -> Response:
    details = dict(error.details)
    field = details.pop("field", None)
    faults = [] if field is None else [{"field": str(field), "message": error.message}]
    kinds = (_STATUS.get(kind) for kind in type(error).__mro__ if issubclass(kind, Refused))
    status = next((known for known in kinds if known is not None), HTTPStatus.BAD_REQUEST)
    headers = _RETRY if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    # In a problem document `status` is HTTP's.
    more = {"current_status" if name == "status" else name: value for name, value in details.items()}
    problem = Problem(status, error.code, error.message, errors=faults, headers=headers, more=more)
    return problem.answer(request)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    """Parameters that are wrong: in the path they name nothing, in a header or in the query they are told."""
    errors = error.errors()
    place = errors[0]["loc"][0]
    if place == "path":
        return Problem(404, "not_found", f"there is nothing at {request.url.path}").answer(request)
    given = {"query": dict(request.query_params), "header": dict(request.headers)}
    inside = [
        {"field": fault["field"].removeprefix(f"{place}."), "message": fault["message"]}
        for fault in complaints(errors, given)
    ]
    said = "; ".join(f"{fault['field']} {fault['message']}" for fault in inside)
    status = HTTPStatus.BAD_REQUEST if place == "header" else HTTPStatus.UNPROCESSABLE_ENTITY
    return Problem(status, f"invalid_{place}", said, errors=inside).answer(request)


async def _http(request: Request, error: HTTPException) -> Response:
    path, headers = request.url.path, dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        problem = Problem(404, "not_found", f"there is nothing at {path}; GET /docs shows what there is")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", headers.get("allow", "other methods"))
        sentence = f"{request.method} does not go with {path}: it takes {allowed}"
        problem = Problem(405, "method_not_allowed", sentence, headers=headers)
    else:
        problem = Problem(error.status_code, "http_error", str(error.detail), headers=headers)
    return problem.answer(request)


async def _no_database(request: Request, _: Exception) -> Response:
    sentence = "the database does not answer just now: try again in a few seconds"
    return Problem(503, "database_unavailable", sentence, headers=_RETRY).answer(request)


async def _left(_: Request, __: Exception) -> Response:
    """The client went away in the middle of its body: nobody reads this."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)
