"""Routes that tell what happens to a job or a batch: so far, or live as server-sent events."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import Json, Problem
from api.callers import Reader
from api.documentation import problems
from api.parts import TheParts
from api.queries import Text, only
from api.schemas.jobs import Timeline
from services import live

router: Final = APIRouter(prefix="/v1")

_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"
_SEEN: Final[dict[int | str, dict[str, Any]]] = {
    204: {"description": "Live: the end was seen already, and there is nothing more to come."}
}
_LIVE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "With `Accept: text/event-stream`: live.", "content": {_STREAM: {}}}
}

Accept = Annotated[str, Header(include_in_schema=False)]
After = Annotated[Text | None, Query(description="`id` of the last event that you have: those behind it.")]
LastEventId = Annotated[
    str | None, Header(description="Live, the same as `after`; where both come, this one counts.")
]


@router.get(
    "/jobs/{job_id}/events",
    tags=["jobs"],
    summary="A job's timeline, so far or live",
    response_model=Timeline,
    responses=_LIVE | _SEEN | problems(401, 403, 404, 422),
    dependencies=[only("after")],
)
async def list_events(
    caller: Reader,
    parts: TheParts,
    job_id: UUID,
    accept: Accept = "*/*",
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Every step so far, in order; with `Accept: text/event-stream` also those to come.

    Live, the last event is `end`, with the job as it is then. A job in `review` goes on: a person decides.
    """
    if _wanted(accept, (_JSON, _STREAM)) == _STREAM:
        return await parts.live.job(caller, job_id, last_event_id or after)
    found = await run_in_threadpool(live.timeline, parts.runtime, caller.project_id, job_id, after)
    return Json(found, headers={"Vary": "Accept"})


@router.get(
    "/batches/{batch_id}/events",
    tags=["batches"],
    summary="A batch, live",
    response_class=Response,
    responses=_LIVE | _SEEN | problems(401, 403, 404, 406, 422),
    dependencies=[only("after")],
)
async def follow_batch(
    caller: Reader,
    parts: TheParts,
    batch_id: UUID,
    accept: Accept = "*/*",
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """`progress` with the batch as it is whenever it has changed, once a second at most; `end` at its end."""
    if _wanted(accept, (_STREAM,)) is None:
        sentence = "a batch is followed as text/event-stream: accept that, or GET the batch itself"
        raise Problem(406, "not_acceptable", sentence)
    return await parts.live.batch(caller, batch_id, last_event_id or after)


def _wanted(accept: str, offered: tuple[str, ...]) -> str | None:
    """The type that a client likes best of those on offer, the first of equals; None where it takes none.

    A type that is named goes before one that only a wildcard covers (RFC 9110, 12.5.1, leaves that open).
    """
    ranges = dict(map(_range, accept.split(",")))
    best, most = None, (0.0, False)
    for kind in offered:
        named = kind in ranges
        wildcards = (f"{kind.partition('/')[0]}/*", "*/*")
        quality = ranges[kind] if named else max(ranges.get(one, 0.0) for one in wildcards)
        if quality and (named, quality) > (most[1], most[0]):
            best, most = kind, (quality, named)
    return best


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return kind, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return kind, 1.0
