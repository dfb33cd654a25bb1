"""Routes over projects, keys and signing secrets."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.answers import Json, Problem
from api.body import Body, body_of
from api.callers import Admin
from api.documentation import problems, request_body
from api.parts import TheParts, TheRuntime
from api.queries import only
from api.schemas.access import (
    KeyList,
    KeyRequest,
    NewKey,
    NewProject,
    ProjectList,
    ProjectRequest,
    SigningSecret,
)
from services import access, endpoints

router: Final = APIRouter(prefix="/v1", tags=["access"], dependencies=[only()])

_BODY_PROBLEMS: Final = (400, 401, 403, 413, 415, 422)


@router.get(
    "/projects", summary="List projects", response_model=ProjectList, responses=problems(401, 403, 422)
)
def list_projects(caller: Admin, runtime: TheRuntime) -> Json:
    """Every project for a key of the project `default`; for any other key its own."""
    return Json(access.projects(runtime, caller))


@router.post(
    "/projects",
    summary="Make a project",
    status_code=201,
    response_model=NewProject,
    responses=problems(*_BODY_PROBLEMS, 409),
    openapi_extra=request_body(ProjectRequest, {"name": "acme"}),
)
def make_project(
    caller: Admin,
    runtime: TheRuntime,
    body: Annotated[Body[ProjectRequest], Depends(body_of(ProjectRequest))],
) -> Json:
    """For admin keys of the project `default`. The new project's first key is shown now and never again."""
    if not caller.first_project:
        sentence = f"projects are made with an admin key of the project {access.FIRST_PROJECT!r}"
        raise Problem(403, "insufficient_scope", sentence)
    return Json(access.create_project(runtime, name=body.value.name), 201)


@router.get("/keys", summary="List keys", response_model=KeyList, responses=problems(401, 403, 422))
def list_keys(caller: Admin, runtime: TheRuntime) -> Json:
    """The keys of the project, revoked ones too."""
    return Json(access.keys(runtime, caller.project_id))


@router.post(
    "/keys",
    summary="Make a key",
    status_code=201,
    response_model=NewKey,
    responses=problems(*_BODY_PROBLEMS),
    openapi_extra=request_body(KeyRequest, {"name": "render farm", "scope": "submit"}),
)
def make_key(
    caller: Admin, runtime: TheRuntime, body: Annotated[Body[KeyRequest], Depends(body_of(KeyRequest))]
) -> Json:
    """A key of the same project. It is shown now and never again."""
    wanted = body.value
    made = access.create_key(runtime, project_id=caller.project_id, name=wanted.name, scope=wanted.scope)
    return Json(made, 201)


@router.delete(
    "/keys/{key_id}",
    summary="Revoke a key",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 409, 422),
)
def revoke_key(caller: Admin, parts: TheParts, key_id: UUID) -> Response:
    """It is useless everywhere within five seconds. The last admin key of a project stays."""
    access.revoke_key(parts.runtime, project_id=caller.project_id, key_id=key_id)
    parts.keys.forget()
    return Response(status_code=204)


@router.get(
    "/signing-secret",
    summary="The secret that signs callbacks",
    response_model=SigningSecret,
    responses=problems(401, 403, 422),
)
def show_signing_secret(caller: Admin, runtime: TheRuntime) -> Json:
    """For the library that checks Standard Webhooks on your side."""
    return Json(access.signing_secret(runtime, caller.project_id), headers={"Cache-Control": "no-store"})


@router.post(
    "/signing-secret/rotate",
    summary="Replace the secret that signs callbacks",
    response_model=SigningSecret,
    responses=problems(401, 403, 422),
)
def rotate_signing_secret(caller: Admin, runtime: TheRuntime) -> Json:
    """For the next 24 hours the old secret signs too: every callback carries both signatures."""
    secret = endpoints.rotate_signing_secret(runtime, caller.project_id)
    return Json(secret, headers={"Cache-Control": "no-store"})
