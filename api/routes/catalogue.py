"""Routes over models and prices."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from api.answers import Json
from api.body import Body, body_of
from api.callers import Admin, Reader
from api.documentation import JOB_EXAMPLE, problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.offers import ModelList, PriceSync, Quote
from domain.generation import JobRequest
from services.offering import offering
from services.prices.syncing import sync
from services.quotes import quotes

router: Final = APIRouter(prefix="/v1", tags=["catalogue"])

DryRun = Annotated[bool, Query(description="Keep nothing: only tell what would change.")]
JobBody = Annotated[Body[JobRequest], Depends(body_of(JobRequest))]


@router.get(
    "/models",
    summary="The catalogue",
    response_model=ModelList,
    responses=problems(401, 403, 422),
    dependencies=[only()],
)
def list_models(_: Reader, runtime: TheRuntime) -> Json:
    """Every model with its offers: what each costs, where that was read, and what it accepts."""
    return Json(offering(runtime))


@router.post(
    "/models/sync",
    summary="Read the providers' prices anew",
    response_model=PriceSync,
    responses=problems(401, 403, 422),
    dependencies=[only("dry_run")],
)
def sync_prices(_: Admin, runtime: TheRuntime, *, dry_run: DryRun = False) -> Json:
    """What their price lists say now, beside what they said before. A job keeps the price of its submit."""
    return Json(sync(runtime, dry_run=dry_run))


@router.post(
    "/quotes",
    summary="What a job would cost",
    response_model=Quote,
    responses=problems(400, 401, 403, 413, 415, 422),
    openapi_extra=request_body(JobRequest, JOB_EXAMPLE),
    dependencies=[only()],
)
def quote_job(_: Reader, runtime: TheRuntime, body: JobBody) -> Json:
    """Takes what `POST /v1/jobs` takes; nothing is sent."""
    return Json(quotes(runtime, body.value))
