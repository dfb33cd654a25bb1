"""Routes that answer what was spent, and whether the books add up."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from api.answers import Json
from api.callers import Admin, Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import only
from api.schemas.costs import PARAMETERS, Audit, Costs, CostsQuery
from services.costs import auditing, grouping
from storage.objects.disposition import content_disposition

router: Final = APIRouter(prefix="/v1/costs", tags=["costs"])
_CSV: Final = "text/csv"


@router.get(
    "",
    summary="What was spent, in groups",
    response_model=Costs,
    responses=problems(401, 403, 422),
    dependencies=[only(*PARAMETERS)],
)
def show_costs(caller: Reader, runtime: TheRuntime, query: Annotated[CostsQuery, Query()]) -> Json:
    """Sums of the ledger, exact at this moment. A job's money counts on the day on which it was asked for.

    Days are by UTC. What nobody knows is counted in `unknown` and never taken for 0.
    """
    return Json(grouping.costs(runtime, query.wanted(caller.project_id)))


@router.get(
    ".csv",
    summary="The same as CSV",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A row for each group.", "content": {_CSV: {"schema": {"type": "string"}}}},
        **problems(401, 403, 422),
    },
    dependencies=[only(*PARAMETERS)],
)
def show_costs_csv(
    caller: Reader, runtime: TheRuntime, query: Annotated[CostsQuery, Query()]
) -> StreamingResponse:
    """Amounts in dollars; an empty cell where one is not known. No cell is taken for a formula."""
    blocks = grouping.costs_csv(runtime, query.wanted(caller.project_id))
    headers = {
        "Content-Disposition": content_disposition("attachment", "costs.csv"),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(blocks, headers=headers, media_type=_CSV)


@router.get(
    "/audit",
    summary="Prove that the ledger adds up",
    response_model=Audit,
    responses=problems(401, 403, 422),
    dependencies=[only()],
)
def show_audit(caller: Admin, runtime: TheRuntime) -> Json:
    """Every amount of the project against every other that it follows from, as of one moment.

    It changes nothing, and reads all of the project's jobs: some seconds for each hundred thousand.
    """
    return Json(auditing.audit(runtime, caller.project_id))
