"""The short way to what is called most: who takes it, and what becomes of what a route raises."""

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.direct import Direct, Shortcut

router = APIRouter(route_class=Direct)


@router.post("/fixed")
async def fixed(request: Request) -> Response:
    return PlainTextResponse("the framework" if "router" in request.scope else "the short way")


@router.post("/any/{name}")  # noqa: FAST003 - a direct route is given the request
async def any_name(request: Request) -> Response:
    return PlainTextResponse(f"{request.path_params['name']} by the framework")


@router.post("/raises")
async def raises(request: Request) -> Response:
    kinds = {"key": KeyError, "lookup": LookupError, "value": ValueError, "os": OSError}
    raise kinds[request.query_params["kind"]]("on purpose")


async def _lookup(_: Request, error: LookupError) -> Response:
    return PlainTextResponse(type(error).__name__, 418)


def _value(_: Request, __: ValueError) -> Response:
    return PlainTextResponse("by a plain function", 400)


def ask(method: str, path: str) -> httpx.Response:
    app = FastAPI()
    app.include_router(router)
    app.exception_handler(LookupError)(_lookup)
    app.exception_handler(ValueError)(_value)
    app.add_middleware(Shortcut, routes=router.routes, handlers=app.exception_handlers)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, path)

    return asyncio.run(asked())


def test_a_direct_route_with_a_fixed_path_goes_the_short_way() -> None:
    assert ask("POST", "/fixed").text == "the short way"


def test_whatever_is_asked_otherwise_goes_through_the_framework() -> None:
    assert ask("GET", "/fixed").status_code == 405
    assert ask("POST", "/any/one").text == "one by the framework"
    assert ask("POST", "/none").status_code == 404


def test_what_a_route_raises_goes_to_the_handler_of_its_kind() -> None:
    assert ask("POST", "/raises?kind=key").text == "KeyError"
    assert ask("POST", "/raises?kind=lookup").status_code == 418
    assert ask("POST", "/raises?kind=value").text == "by a plain function"


def test_what_nobody_handles_is_raised_on() -> None:
    with pytest.raises(OSError, match="on purpose"):
        ask("POST", "/raises?kind=os")
