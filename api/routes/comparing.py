"""Routes that compare what the ways to run a model cost, by what was really paid."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from api.answers import Json
from api.callers import Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import only
from api.schemas.comparing import PARAMETERS, ComparingQuery, Comparison
from services.costs import comparing
from storage.objects.disposition import content_disposition

router: Final = APIRouter(prefix="/v1/costs/compare", tags=["costs"])
_CSV: Final = "text/csv"


@router.get(
    "",
    summary="Where a model is cheaper",
    response_model=Comparison,
    responses=problems(401, 403, 422),
    dependencies=[only(*PARAMETERS)],
)
def show_comparison(caller: Reader, runtime: TheRuntime, query: Annotated[ComparingQuery, Query()]) -> Json:
    """What succeeded jobs cost for each provider and endpoint, how long they took, and a projected month.

    Percentiles are values that really were: the least that so many percent do not exceed.
    """
    return Json(comparing.comparison(runtime, query.wanted(caller.project_id), query.monthly))


@router.get(
    ".csv",
    summary="The same as CSV",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A row for each way.", "content": {_CSV: {"schema": {"type": "string"}}}},
        **problems(401, 403, 422),
    },
    dependencies=[only(*PARAMETERS)],
)
def show_comparison_csv(
    caller: Reader, runtime: TheRuntime, query: Annotated[ComparingQuery, Query()]
) -> StreamingResponse:
    """Amounts in dollars; an empty cell where one is not known. No cell is taken for a formula."""
    blocks = comparing.comparison_csv(runtime, query.wanted(caller.project_id), query.monthly)
    headers = {
        "Content-Disposition": content_disposition("attachment", "comparison.csv"),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(blocks, headers=headers, media_type=_CSV)
