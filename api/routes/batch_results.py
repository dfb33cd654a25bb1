"""Routes that answer a batch's results, its errors and its files, as streams that begin at once."""

from collections.abc import Callable
from itertools import chain
from typing import Annotated, Final
from uuid import UUID

from anyio import CancelScope
from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.callers import Reader
from api.documentation import problems
from api.parts import TheRuntime
from api.queries import only
from services.batches import archive, files, results
from services.batches.results import Blocks
from services.runtime import Runtime
from storage.objects.disposition import content_disposition
from storage.records import BatchRecord

router: Final = APIRouter(prefix="/v1/batches/{batch_id}", tags=["batches"])

_NAME_CHARACTERS: Final = 80
_CSV: Final = "text/csv"
_JSON_LINES: Final = "application/x-ndjson"

Bom = Annotated[
    bool, Query(description="Begin with a byte order mark, by which Excel on Windows knows UTF-8.")
]


class _Stream(StreamingResponse):
    """Blocks as they are made in a thread; a client that goes away ends the work behind them.

    The first block is made at once: what fails before it is still answered as an error.
    """

    def __init__(self, blocks: Blocks, batch: BatchRecord, ending: str, media_type: str) -> None:
        name = (batch.name or str(batch.id))[:_NAME_CHARACTERS]
        headers = {
            "Content-Disposition": content_disposition("attachment", f"{name}-{ending}"),
            "Cache-Control": "no-store",
            "Accept-Ranges": "none",
            # A proxy that waits for the whole would undo the stream.
            "X-Accel-Buffering": "no",
        }
        super().__init__(chain([next(blocks, b"")], blocks), headers=headers, media_type=media_type)
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._blocks.close)


def _found(caller: Reader, runtime: TheRuntime, batch_id: UUID) -> BatchRecord:
    return results.find(runtime, caller.project_id, batch_id)


Found = Annotated[BatchRecord, Depends(_found)]
Route = Callable[[Callable[..., StreamingResponse]], Callable[..., StreamingResponse]]


def _route(name: str, media_type: str, summary: str, description: str, *parameters: str) -> Route:
    """The route of one file, which takes these query parameters and no others."""
    content = {media_type: {"schema": {"type": "string"}}}
    return router.get(
        f"/{name}",
        summary=summary,
        response_class=StreamingResponse,
        responses={200: {"description": description, "content": content}, **problems(401, 403, 404, 422)},
        dependencies=[only(*parameters)],
    )


@_route(
    "results.csv",
    _CSV,
    "A batch's results as CSV",
    "Your own columns, then ours; a row for each job.",
    "bom",
)
def show_results(
    request: Request, runtime: TheRuntime, batch: Found, *, bom: Bom = False
) -> StreamingResponse:
    """As they stand now, also while the batch runs; rows that are not read yet are left out."""
    blocks = results.results_csv(runtime, batch, _base_url(request, runtime), bom=bom)
    return _Stream(blocks, batch, "results.csv", _CSV)


@_route(
    "results.jsonl",
    _JSON_LINES,
    "A batch's results as JSON lines",
    "An object a line; your own cells are under `row`.",
)
def show_result_lines(request: Request, runtime: TheRuntime, batch: Found) -> StreamingResponse:
    """The same rows as in `results.csv`, with numbers as numbers and null where something is not known."""
    blocks = results.results_jsonl(runtime, batch, _base_url(request, runtime))
    return _Stream(blocks, batch, "results.jsonl", _JSON_LINES)


@_route(
    "errors.csv",
    _CSV,
    "What went wrong in a batch",
    "Your own columns, then what is wrong and what would be right.",
    "bom",
)
def show_errors(runtime: TheRuntime, batch: Found, *, bom: Bom = False) -> StreamingResponse:
    """Rows that were not run, a line a problem; then jobs that failed, were canceled or wait in review."""
    return _Stream(results.errors_csv(runtime, batch, bom=bom), batch, "errors.csv", _CSV)


@_route(
    "errors.jsonl",
    _JSON_LINES,
    "What went wrong in a batch, as JSON lines",
    "An object an error; your own cells are under `row`.",
)
def show_error_lines(runtime: TheRuntime, batch: Found) -> StreamingResponse:
    """The same as in `errors.csv`, with numbers as numbers, and every cell as it stands in your sheet."""
    return _Stream(results.errors_jsonl(runtime, batch), batch, "errors.jsonl", _JSON_LINES)


@_route(
    "assets.jsonl",
    _JSON_LINES,
    "The list of a batch's files",
    "An object a file: its row, job, size, SHA-256 and `url`.",
)
def show_file_lines(runtime: TheRuntime, batch: Found) -> StreamingResponse:
    """The files of the jobs that have succeeded, by row; `file` is its place in `assets.zip`."""
    return _Stream(files.assets_jsonl(runtime, batch), batch, "assets.jsonl", _JSON_LINES)


@_route(
    "assets.zip",
    "application/zip",
    "All files of a batch",
    "The files of the jobs that have succeeded, and `manifest.csv`.",
)
def show_files(runtime: TheRuntime, batch: Found) -> StreamingResponse:
    """Made while it is sent: there are no ranges of it, and it breaks off where a file is not as made."""
    return _Stream(archive.assets_zip(runtime, batch), batch, "assets.zip", "application/zip")


def _base_url(request: Request, runtime: Runtime) -> str:
    return runtime.settings.public_url or str(request.base_url).rstrip("/")
