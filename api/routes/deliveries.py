"""Routes over what was told to customers."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.answers import Json
from api.body import Body, body_of
from api.callers import Reader, Submitter
from api.documentation import problems, request_body
from api.parts import TheRuntime
from api.queries import DeliveryQuery, only
from api.schemas.callbacks import Redelivery, RedeliveryRequest
from api.schemas.jobs import Delivery, DeliveryPage
from services import reading, replay

router: Final = APIRouter(prefix="/v1/deliveries", tags=["callbacks"])


@router.get(
    "",
    summary="List deliveries, the newest first",
    response_model=DeliveryPage,
    responses=problems(401, 403, 422),
    dependencies=[only(*DeliveryQuery.model_fields)],
)
def list_deliveries(caller: Reader, runtime: TheRuntime, query: Annotated[DeliveryQuery, Query()]) -> Json:
    """Every callback with every try: what was answered, and how long that took."""
    return Json(reading.deliveries(runtime, caller.project_id, query.wanted(), query.slice()))


@router.post(
    "/redeliver",
    summary="Send deliveries of a time range again",
    status_code=202,
    response_model=Redelivery,
    responses=problems(400, 401, 403, 413, 415, 422),
    dependencies=[only()],
    openapi_extra=request_body(
        RedeliveryRequest, {"after": "2026-01-31T00:00:00Z", "before": "2026-02-01T00:00:00Z"}
    ),
)
def redeliver_range(
    caller: Submitter,
    runtime: TheRuntime,
    body: Annotated[Body[RedeliveryRequest], Depends(body_of(RedeliveryRequest))],
) -> Json:
    """All that were made from `after` until `before`: those that failed, unless another status is named."""
    wanted = body.value
    made = replay.redeliver_range(
        runtime,
        caller.project_id,
        after=wanted.after,
        before=wanted.before,
        endpoint_id=wanted.endpoint_id,
        status=wanted.status,
    )
    return Json(made, 202)


@router.post(
    "/{delivery_id}/redeliver",
    summary="Send a delivery again",
    status_code=202,
    response_model=Delivery,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[only()],
)
def redeliver(caller: Submitter, runtime: TheRuntime, delivery_id: UUID) -> Json:
    """Now, whatever became of it, with the same `webhook-id` and body; its schedule begins anew."""
    return Json(replay.redeliver(runtime, caller.project_id, delivery_id), 202)
