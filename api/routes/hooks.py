"""The route that providers send their webhooks to."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool

from api.answers import Json
from api.body import read_limited
from api.parts import TheRuntime
from services.hooks import receive

router: Final = APIRouter(include_in_schema=False)

MAX_HOOK_BYTES: Final = 32 * 1024 * 1024

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


@router.post("/hooks/{provider}/{token}")
async def receive_hook(request: Request, runtime: TheRuntime, provider: Name, token: Name) -> Json:
    """A hint to look at an attempt at once; the signature is the permission."""
    body = await read_limited(request, MAX_HOOK_BYTES)
    headers = dict(request.headers)
    await run_in_threadpool(receive, runtime, provider=provider, token=token, headers=headers, body=body)
    return Json({})
