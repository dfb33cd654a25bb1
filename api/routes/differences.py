"""The route that lists what was not billed as it was booked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.answers import Json
from api.callers import Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import only
from api.schemas.differences import PARAMETERS, DifferencePage, DifferencesQuery
from services.costs import differences

router: Final = APIRouter(prefix="/v1/costs/differences", tags=["costs"])


@router.get(
    "",
    summary="What was not billed as it was booked",
    response_model=DifferencePage,
    responses=problems(401, 403, 422),
    dependencies=[only(*PARAMETERS)],
)
def list_differences(
    caller: Reader, runtime: TheRuntime, query: Annotated[DifferencesQuery, Query()]
) -> Json:
    """Attempts whose bill differs from what was booked, whose cost nobody knows, or that were never billed.

    The ledger follows each bill by itself; this says by how much, and why.
    """
    return Json(differences.listed(runtime, caller.project_id, query.wanted(), query.slice()))
