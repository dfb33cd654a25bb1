"""Routes that erase what jobs and batches hold, and set for how long it is kept."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends

from api.answers import Json
from api.body import Body, body_of
from api.callers import Admin, Reader, Submitter
from api.documentation import problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.erasing import (
    BatchErasure,
    ErasedBatch,
    ErasedJob,
    JobErasure,
    Retention,
    RetentionRequest,
)
from services import erasing, retention
from services.batches import erasing as batch_erasing

router: Final = APIRouter(prefix="/v1", dependencies=[only()])


@router.delete(
    "/jobs/{job_id}",
    tags=["jobs"],
    summary="Erase what a job holds",
    status_code=202,
    response_model=ErasedJob,
    responses=problems(401, 403, 404, 409, 422),
)
def erase_job(caller: Submitter, runtime: TheRuntime, job_id: UUID) -> Json:
    """Prompt, input and files go, at the provider too where it can; amounts, times and ids stay.

    Asking again tries again what could not be erased.
    """
    return Json(erasing.erase(runtime, project_id=caller.project_id, job_id=job_id), 202)


@router.get(
    "/jobs/{job_id}/erasure",
    tags=["jobs"],
    summary="How far the erasure of a job has come",
    response_model=JobErasure,
    responses=problems(401, 403, 404, 422),
)
def show_job_erasure(caller: Reader, runtime: TheRuntime, job_id: UUID) -> Json:
    """What was erased here, in the object store and at the provider, and what could not be, and why."""
    return Json(erasing.job_erasure(runtime, caller.project_id, job_id))


@router.delete(
    "/batches/{batch_id}",
    tags=["batches"],
    summary="Erase what a batch holds",
    status_code=202,
    response_model=ErasedBatch,
    responses=problems(401, 403, 404, 409, 422),
)
def erase_batch(caller: Submitter, runtime: TheRuntime, batch_id: UUID) -> Json:
    """Its uploaded file goes, and its jobs are erased one after another; its counts and amounts stay."""
    return Json(batch_erasing.erase(runtime, project_id=caller.project_id, batch_id=batch_id), 202)


@router.get(
    "/batches/{batch_id}/erasure",
    tags=["batches"],
    summary="How far the erasure of a batch has come",
    response_model=BatchErasure,
    responses=problems(401, 403, 404, 422),
)
def show_batch_erasure(caller: Reader, runtime: TheRuntime, batch_id: UUID) -> Json:
    """Its own: each of its jobs has one too."""
    return Json(batch_erasing.batch_erasure(runtime, caller.project_id, batch_id))


@router.get(
    "/retention",
    tags=["access"],
    summary="For how long the project keeps what",
    response_model=Retention,
    responses=problems(401, 403, 422),
)
def show_retention(caller: Reader, runtime: TheRuntime) -> Json:
    """Null is for ever, which it is until somebody says otherwise."""
    return Json(retention.shown(runtime, caller.project_id))


@router.put(
    "/retention",
    tags=["access"],
    summary="Set for how long the project keeps what",
    response_model=Retention,
    responses=problems(400, 401, 403, 413, 415, 422),
    openapi_extra=request_body(RetentionRequest, {"prompt_days": 30, "asset_days": None}),
)
def set_retention(
    caller: Admin,
    runtime: TheRuntime,
    body: Annotated[Body[RetentionRequest], Depends(body_of(RetentionRequest))],
) -> Json:
    """What is past that already is erased within minutes, and cannot be had back. Amounts stay."""
    return Json(retention.change(runtime, caller.project_id, **body.value.model_dump()))
