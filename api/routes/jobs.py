"""Routes that ask for jobs and change them."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from api.answers import Json
from api.body import Body, body_of
from api.callers import Submitter
from api.documentation import JOB_EXAMPLE, problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.jobs import CanceledJob, Job
from domain.generation import JobRequest
from services import again
from services.accept import accept
from services.cancel import cancel

router: Final = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[only()])

JobBody = Annotated[Body[JobRequest], Depends(body_of(JobRequest))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="The same key with the same body answers what the first request was answered, for a day "
        "at least; with another body it is an error.",
    ),
]
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
    responses={202: {"headers": _ACCEPTED_HEADERS}, **problems(400, 401, 403, 409, 413, 415, 422)},
    openapi_extra=request_body(JobRequest, JOB_EXAMPLE),
)
def submit_job(
    caller: Submitter, runtime: TheRuntime, body: JobBody, idempotency_key: IdempotencyKey = None
) -> Json:
    """The job runs once this is answered, whatever happens to this process afterwards."""
    acceptance = accept(
        runtime,
        project_id=caller.project_id,
        request=body.value,
        idempotency_key=idempotency_key,
        fingerprint=body.fingerprint,
    )
    replayed = {"Idempotency-Replayed": "true"} if acceptance.replayed else {}
    return Json(acceptance.view, 202, {"Location": f"/v1/jobs/{acceptance.job_id}"} | replayed)


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
    responses=problems(401, 403, 404, 409, 422),
)
def retry_job(caller: Submitter, runtime: TheRuntime, job_id: UUID) -> Json:
    """A new attempt of the same job; what is made and paid for is only fetched again."""
    return Json(again.retry(runtime, project_id=caller.project_id, job_id=job_id))
