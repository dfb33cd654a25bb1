"""Routes that take batches in, show them, and control them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request

from api.answers import Json
from api.body import Body, body_of, read_as, read_json
from api.callers import Reader, Submitter
from api.documentation import problems, request_body
from api.parts import TheRuntime
from api.queries import only
from api.schemas.batches import (
    Batch,
    BatchChange,
    BatchPage,
    BatchQuery,
    BatchSettings,
    ChangedBatch,
    ResumeRequest,
    Trial,
)
from api.sheet_documentation import SHEET_BODY
from api.uploads import document_of, receive
from services.batches import canceling, controls, retrying, views
from services.batches.trial import trial
from services.batches.uploading import Order, take
from services.scratch import scratch

Result = TypeVar("Result")

router: Final = APIRouter(prefix="/v1/batches", tags=["batches"])

_OBJECTS: Final = frozenset({"routing", "tags", "input"})
# Reading a sheet takes the CPU for seconds: two at a time leave some for the other requests.
_SHEETS: Final = ThreadPoolExecutor(2, "sheet")
_ACCEPTED_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "Where the batch is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when the batch was there before.",
        "schema": {"type": "string"},
    },
}
_CONTROLS: Final = problems(401, 403, 404, 409, 422)

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="The same key with the same file and settings answers the same batch as it is now; with "
        "anything else it is an error.",
    ),
]


@router.post(
    "",
    status_code=202,
    summary="Run the rows of a CSV file",
    response_model=Batch,
    responses={
        200: {"description": "With `dry_run`: what would become of the rows.", "model": Trial},
        202: {"headers": _ACCEPTED_HEADERS},
        **problems(400, 401, 403, 413, 415, 422),
    },
    openapi_extra=SHEET_BODY,
)
async def submit_batch(
    request: Request, caller: Submitter, runtime: TheRuntime, idempotency_key: IdempotencyKey = None
) -> Json:
    """The file is the body, with settings in the query, or the field `file` of a form, with them as fields.

    It is checked as a file at once; its rows are read and run once this is answered, whatever happens to this
    process.
    """
    with scratch() as folder:
        uploaded = await receive(request, folder / "sheet.csv")
        settings = read_as(BatchSettings, document_of(uploaded.settings, _OBJECTS)).value
        order = _order(caller.project_id, settings, idempotency_key)
        if settings.dry_run:
            return Json(await _aside(partial(trial, runtime, order, uploaded.file)))
        taken = await _aside(partial(take, runtime, order, uploaded.file))
    headers = {"Location": f"/v1/batches/{taken.view['id']}"}
    if taken.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Json(taken.view, 202, headers)


@router.get(
    "",
    summary="List batches, the newest first",
    response_model=BatchPage,
    responses=problems(401, 403, 422),
    dependencies=[only(*BatchQuery.model_fields)],
)
def list_batches(caller: Reader, runtime: TheRuntime, query: Annotated[BatchQuery, Query()]) -> Json:
    """Give `next_cursor` as `cursor`, with the same filter, for the page after this one."""
    return Json(views.batch_list(runtime, caller.project_id, query.state, query.slice()))


@router.get(
    "/{batch_id}",
    summary="One batch as it stands",
    response_model=Batch,
    responses=problems(401, 403, 404, 422),
    dependencies=[only()],
)
def show_batch(caller: Reader, runtime: TheRuntime, batch_id: UUID) -> Json:
    """Its counts are exact, and those of this moment."""
    return Json(views.batch(runtime, caller.project_id, batch_id))


@router.patch(
    "/{batch_id}",
    summary="Change a batch's name or its budget",
    response_model=ChangedBatch,
    responses=problems(400, 401, 403, 404, 413, 415, 422),
    openapi_extra=request_body(BatchChange, {"budget_usd": "40.00"}),
    dependencies=[only()],
)
def change_batch(
    caller: Submitter,
    runtime: TheRuntime,
    batch_id: UUID,
    body: Annotated[Body[BatchChange], Depends(body_of(BatchChange))],
) -> Json:
    """A batch that its budget has paused goes on with a larger one."""
    changes = body.value.changes()
    return Json(controls.change(runtime, project_id=caller.project_id, batch_id=batch_id, changes=changes))


@router.post(
    "/{batch_id}/pause",
    summary="Let nothing more of a batch out",
    response_model=ChangedBatch,
    responses=_CONTROLS,
    dependencies=[only()],
)
def pause_batch(caller: Submitter, runtime: TheRuntime, batch_id: UUID) -> Json:
    """Rows that were let out before go on to their end; `done` says how many."""
    return Json(controls.pause(runtime, project_id=caller.project_id, batch_id=batch_id))


async def _resume_request(request: Request) -> Body[ResumeRequest]:
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    return read_as(ResumeRequest, {} if empty else await read_json(request))


@router.post(
    "/{batch_id}/resume",
    summary="Let a paused batch go on",
    response_model=ChangedBatch,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
    openapi_extra=request_body(ResumeRequest, {"budget_usd": "40.00"}, required=False),
    dependencies=[only()],
)
def resume_batch(
    caller: Submitter,
    runtime: TheRuntime,
    batch_id: UUID,
    body: Annotated[Body[ResumeRequest], Depends(_resume_request)],
) -> Json:
    """Where its budget has stopped it, a larger one has to come along; null takes the budget away."""
    changes = body.value.changes()
    return Json(controls.resume(runtime, project_id=caller.project_id, batch_id=batch_id, changes=changes))


@router.post(
    "/{batch_id}/cancel",
    summary="Cancel a batch",
    response_model=ChangedBatch,
    responses=_CONTROLS,
    dependencies=[only()],
)
def cancel_batch(caller: Submitter, runtime: TheRuntime, batch_id: UUID) -> Json:
    """Rows that were not sent cost nothing; the provider is asked to drop the others. `done` counts both."""
    return Json(canceling.cancel(runtime, project_id=caller.project_id, batch_id=batch_id))


@router.post(
    "/{batch_id}/retry",
    summary="Run the failed rows of a batch again",
    response_model=ChangedBatch,
    responses=_CONTROLS,
    dependencies=[only()],
)
def retry_batch(caller: Submitter, runtime: TheRuntime, batch_id: UUID) -> Json:
    """No others run again, and what is made and paid for is only fetched again."""
    return Json(retrying.retry(runtime, project_id=caller.project_id, batch_id=batch_id))


def _order(project_id: UUID, settings: BatchSettings, key: str | None) -> Order:
    return Order(
        project_id=project_id,
        defaults=settings.row_defaults(),
        name=settings.name,
        callback_url=settings.callback_url,
        budget_nano=settings.budget_nano,
        strict=settings.strict,
        key=key,
    )


async def _aside(step: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_SHEETS, step)
