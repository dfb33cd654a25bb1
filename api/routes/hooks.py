"""The route that providers send their webhooks to."""

import re
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.answers import Problem
from api.body import read_limited
from api.direct import Direct
from services.hooks import Listener

router: Final = APIRouter(include_in_schema=False, route_class=Direct)

MAX_HOOK_BYTES: Final = 32 * 1024 * 1024

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


@router.post("/hooks/{provider}/{token}")
async def receive_hook(request: Request) -> Response:
    """A hint to look at an attempt at once; the signature is the permission."""
    listener: Listener = request.app.state.listener
    provider, token = request.path_params["provider"], request.path_params["token"]
    if not (_NAME.fullmatch(provider) and _NAME.fullmatch(token)):
        raise Problem(404, "not_found", f"there is nothing at {request.url.path}")
    body = await read_limited(request, MAX_HOOK_BYTES)
    await listener.receive(provider=provider, token=token, headers=dict(request.headers), body=body)
    return Response(b"{}", media_type="application/json")
