"""Routes over the endpoints at which a project has its events told."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.answers import Json
from api.body import Body, body_of
from api.callers import Admin, Reader
from api.documentation import problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.callbacks import Endpoint, EndpointChange, EndpointList, EndpointRequest, NewEndpoint
from api.schemas.jobs import Delivery
from services import endpoints, trying

router: Final = APIRouter(prefix="/v1/webhook-endpoints", tags=["callbacks"], dependencies=[only()])

_BODY_PROBLEMS: Final = (400, 401, 403, 413, 415, 422)
_NO_STORE: Final = {"Cache-Control": "no-store"}


@router.post(
    "",
    summary="Make an endpoint",
    status_code=201,
    response_model=NewEndpoint,
    responses=problems(*_BODY_PROBLEMS, 409),
    openapi_extra=request_body(
        EndpointRequest, {"url": "https://example.com/hooks", "event_types": ["job.succeeded", "job.failed"]}
    ),
)
def make_endpoint(
    caller: Admin,
    runtime: TheRuntime,
    body: Annotated[Body[EndpointRequest], Depends(body_of(EndpointRequest))],
) -> Json:
    """Every event of the project that it wants is told there. Its secret is shown now and never again."""
    wanted = endpoints.NewEndpoint(**body.value.model_dump())
    return Json(endpoints.create(runtime, caller.project_id, wanted), 201, headers=_NO_STORE)


@router.get("", summary="List endpoints", response_model=EndpointList, responses=problems(401, 403, 422))
def list_endpoints(caller: Reader, runtime: TheRuntime) -> Json:
    """The endpoints of the project, the oldest first."""
    return Json(endpoints.listed(runtime, caller.project_id))


@router.get(
    "/{endpoint_id}",
    summary="Show an endpoint",
    response_model=Endpoint,
    responses=problems(401, 403, 404, 422),
)
def show_endpoint(caller: Reader, runtime: TheRuntime, endpoint_id: UUID) -> Json:
    """How it is set, and whether it fails."""
    return Json(endpoints.shown(runtime, caller.project_id, endpoint_id))


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    response_model=Endpoint,
    responses=problems(*_BODY_PROBLEMS, 404),
    openapi_extra=request_body(EndpointChange, {"enabled": True}),
)
def change_endpoint(
    caller: Admin,
    runtime: TheRuntime,
    endpoint_id: UUID,
    body: Annotated[Body[EndpointChange], Depends(body_of(EndpointChange))],
) -> Json:
    """What waits follows it to a new `url`; disabling gives up what waits, enabling forgets its failures."""
    changes = body.value.model_dump(exclude_unset=True)
    return Json(endpoints.change(runtime, caller.project_id, endpoint_id, changes))


@router.delete(
    "/{endpoint_id}",
    summary="Delete an endpoint",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 422),
)
def delete_endpoint(caller: Admin, runtime: TheRuntime, endpoint_id: UUID) -> Response:
    """Nothing more is told there; what was told stays on record."""
    endpoints.delete(runtime, caller.project_id, endpoint_id)
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/rotate-secret",
    summary="Replace an endpoint's secret",
    response_model=NewEndpoint,
    responses=problems(401, 403, 404, 422),
)
def rotate_secret(caller: Admin, runtime: TheRuntime, endpoint_id: UUID) -> Json:
    """For the next 24 hours the old secret signs too: every callback carries both signatures."""
    made = endpoints.rotate(runtime, caller.project_id, endpoint_id)
    return Json(made, headers=_NO_STORE)


@router.post(
    "/{endpoint_id}/test",
    summary="Try an endpoint",
    response_model=Delivery,
    responses=problems(401, 403, 404, 422),
)
def try_endpoint(caller: Admin, runtime: TheRuntime, endpoint_id: UUID) -> Json:
    """Send it a `webhook.test` event, once and now; the answer shows what came back."""
    return Json(trying.try_endpoint(runtime, caller.project_id, endpoint_id))
