"""Routes that decide about jobs whose outcome is unknown: for admin keys."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends

from api.answers import Json
from api.body import Body, body_of
from api.callers import Admin
from api.documentation import problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.jobs import Job
from api.schemas.resolve import Resolution, ResolveRequest
from services.choices import choices
from services.resolve import Decision, resolve

router: Final = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[only()])


@router.get(
    "/{job_id}/resolve",
    summary="What can be decided about a job whose outcome is unknown",
    response_model=Resolution,
    responses=problems(401, 403, 404, 409, 422),
)
def show_choices(caller: Admin, runtime: TheRuntime, job_id: UUID) -> Json:
    """Each choice, with what it may cost; `409` where there is nothing to decide."""
    return Json(choices(runtime, project_id=caller.project_id, job_id=job_id))


@router.post(
    "/{job_id}/resolve",
    summary="Decide about a job whose outcome is unknown",
    response_model=Job,
    responses=problems(400, 401, 402, 403, 404, 409, 413, 415, 422),
    openapi_extra=request_body(ResolveRequest, {"action": "fail", "cost_usd": "0"}),
)
def resolve_job(
    caller: Admin,
    runtime: TheRuntime,
    job_id: UUID,
    body: Annotated[Body[ResolveRequest], Depends(body_of(ResolveRequest))],
) -> Json:
    """The decision is kept in the job's timeline, with the key that made it."""
    asked = body.value
    decision = Decision(
        project_id=caller.project_id,
        job_id=job_id,
        key_id=caller.key_id,
        action=asked.action,
        request_id=asked.provider_request_id,
        cost_nano=asked.cost_nano,
    )
    return Json(resolve(runtime, decision))
