"""Routes over what was told to customers."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.answers import Json
from api.callers import Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import DeliveryQuery, only
from api.schemas.jobs import DeliveryPage
from services import reading

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
    return Json(reading.deliveries(runtime, caller.project_id, query.job_id, query.slice()))
