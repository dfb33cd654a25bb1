"""Routes over budgets: what may be spent, and how that stands."""

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
from api.schemas.budgets import Budget, BudgetList, BudgetRequest
from services import budgets

router: Final = APIRouter(prefix="/v1/budgets", tags=["budgets"], dependencies=[only()])


@router.get("", summary="List budgets", response_model=BudgetList, responses=problems(401, 403, 422))
def list_budgets(caller: Reader, runtime: TheRuntime) -> Json:
    """How each stands in the running period: limit, held, spent, left, and when it renews."""
    return Json(budgets.listed(runtime, caller.project_id))


@router.put(
    "",
    summary="Set a budget",
    response_model=Budget,
    responses=problems(400, 401, 403, 404, 413, 415, 422),
    openapi_extra=request_body(
        BudgetRequest, {"scope": "project", "period": "month", "limit_usd": "250", "warn_at": "0.8"}
    ),
)
def set_budget(
    caller: Admin, runtime: TheRuntime, body: Annotated[Body[BudgetRequest], Depends(body_of(BudgetRequest))]
) -> Json:
    """Makes it, or changes the one for the same jobs and period. It holds once this is answered.

    What the running period has cost so far counts. What runs is never stopped by it.
    """
    asked = body.value
    if asked.batch_id is not None:
        return Json(budgets.put_of_batch(runtime, caller.project_id, asked.batch_id, asked.limit_nano))
    tag = None if asked.tag is None else (asked.tag.name, asked.tag.value)
    wanted = budgets.NewBudget(caller.project_id, tag, asked.period, asked.limit_nano, asked.warn_permille)
    return Json(budgets.put(runtime, wanted))


@router.delete(
    "/{budget_id}",
    summary="Remove a budget",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 422),
)
def remove_budget(caller: Admin, runtime: TheRuntime, budget_id: UUID) -> Response:
    """It refuses nothing any more. A batch's own is removed by the batch's id."""
    budgets.remove(runtime, caller.project_id, budget_id)
    return Response(status_code=204)
