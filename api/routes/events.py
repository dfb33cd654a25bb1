"""The route over events: the feed to catch up with."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.answers import Json
from api.callers import Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import EventQuery, only
from api.schemas.callbacks import EventFeed
from services import replay

router: Final = APIRouter(prefix="/v1/events", tags=["callbacks"])


@router.get(
    "",
    summary="Read events back",
    response_model=EventFeed,
    responses=problems(401, 403, 422),
    dependencies=[only(*EventQuery.model_fields)],
)
def list_events(caller: Reader, runtime: TheRuntime, query: Annotated[EventQuery, Query()]) -> Json:
    """Every event of the project in one order that never changes, kept for 30 days at least.

    None is stepped over, however late it was written: ask `after` the last one that you have.
    """
    found = replay.events(runtime, caller.project_id, after=query.after, type_=query.type, limit=query.limit)
    return Json(found)
