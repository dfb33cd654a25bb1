"""Routes that change jobs."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from api.answers import Json
from api.callers import Submitter
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import only
from api.schemas.jobs import CanceledJob, Job
from services import again
from services.cancel import cancel

router: Final = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[only()])


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job",
    response_model=CanceledJob,
    responses=problems(401, 403, 404, 409, 422),
)
def cancel_job(caller: Submitter, runtime: TheRuntime, job_id: UUID) -> Json:
    """The provider is asked where one is running; `cancellation` says what that can still stop."""
    return Json(cancel(runtime, project_id=caller.project_id, job_id=job_id))


@router.post(
    "/{job_id}/retry",
    summary="Run a failed or canceled job again",
    response_model=Job,
    responses=problems(401, 402, 403, 404, 409, 422),
)
def retry_job(caller: Submitter, runtime: TheRuntime, job_id: UUID) -> Json:
    """A new attempt of the same job; what is made and paid for is only fetched again."""
    return Json(again.retry(runtime, project_id=caller.project_id, job_id=job_id))
