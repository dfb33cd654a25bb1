"""Routes that read jobs back."""

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from api.answers import Json
from api.callers import Reader
from api.documentation import problems
from api.parts import TheParts, TheRuntime
from api.queries import JobQuery, only
from api.schemas.jobs import Job, JobPage
from services import reading
from services.links import asset_link

router: Final = APIRouter(prefix="/v1/jobs", tags=["jobs"])

LONGEST_WAIT: Final = 60
_PREFERRED_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)

Wait = Annotated[
    float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to hold the answer until the job has ended.")
]
Prefer = Annotated[str | None, Header(description="`wait=20` does what the parameter does (RFC 7240).")]
Number = Annotated[int, Path(ge=0, le=9999, description="Counted from 0, as in `assets`.")]


@router.get(
    "",
    summary="List jobs, the newest first",
    response_model=JobPage,
    responses=problems(401, 403, 422),
    dependencies=[only(*JobQuery.model_fields)],
)
def list_jobs(caller: Reader, runtime: TheRuntime, query: Annotated[JobQuery, Query()]) -> Json:
    """Give `next_cursor` as `cursor`, with the same filters, for the page after this one."""
    return Json(reading.job_list(runtime, caller.project_id, query.wanted(), query.slice()))


@router.get(
    "/{job_id}",
    summary="One job, now or when it has ended",
    response_model=Job,
    responses=problems(401, 403, 404, 422),
    dependencies=[only("wait")],
)
async def show_job(
    request: Request, caller: Reader, parts: TheParts, job_id: UUID, wait: Wait = 0, prefer: Prefer = None
) -> Json:
    """With `wait`, the job as it is when the time is over if it has not ended by then."""
    preferred = _PREFERRED_WAIT.search(prefer or "")
    seconds = min(int(preferred[1]), LONGEST_WAIT) if preferred is not None and not wait else wait
    view = await parts.ends.job(request, caller.project_id, job_id, seconds)
    applied = {"Preference-Applied": f"wait={seconds}"} if preferred is not None and not wait else None
    return Json(view, headers=applied)


@router.get(
    "/{job_id}/assets/{n}",
    summary="One file of a job",
    status_code=307,
    response_class=Response,
    responses={
        307: {
            "description": "A link that is signed now and lasts 15 minutes.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        },
        **problems(401, 403, 404, 422),
    },
    dependencies=[only("disposition")],
)
def show_asset(
    caller: Reader,
    runtime: TheRuntime,
    job_id: UUID,
    n: Number,
    disposition: Literal["inline", "attachment"] = "inline",
) -> RedirectResponse:
    """The link itself needs no key: whoever has it can read the file until it runs out."""
    link = asset_link(runtime, project_id=caller.project_id, job_id=job_id, n=n, disposition=disposition)
    return RedirectResponse(link, 307, {"Cache-Control": "no-store"})
