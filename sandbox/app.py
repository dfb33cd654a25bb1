"""Building the sandbox's application: providers, callback receiver and control API behind one door."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from fastapi import FastAPI
from starlette.routing import Mount, Router
from starlette.types import Message, Receive, Scope, Send

from sandbox import connection
from sandbox.clock import Clock, ManualClock, SystemClock
from sandbox.config import Config
from sandbox.control import control_routes
from sandbox.request_log import Call
from sandbox.scenarios import FAL, LINKMODEL
from sandbox.state import Sandbox

_MARK: Final = (b"x-darkroom-sandbox", b"1")
_SECRET_BYTES: Final = 32


class SandboxApp(FastAPI):
    """The application; it marks every answer, logs every provider call, and can hang up."""

    def __init__(self, config: Config, clock: Clock) -> None:
        super().__init__(
            title="Darkroom sandbox",
            docs_url="/control/docs",
            redoc_url=None,
            openapi_url="/control/openapi.json",
            lifespan=_close_at_the_end,
            redirect_slashes=False,
        )
        self._secret = _secret(config.seed)
        self._use(Sandbox(config, clock, self._secret))
        self.include_router(control_routes(self))
        self.router.routes.append(Mount("/", app=self._providers))

    async def reset(self) -> None:
        """Forget everything but settings, clock and signing keys."""
        await self.sandbox.fal.close()
        self._use(Sandbox(self.sandbox.core.config, self.sandbox.core.clock, self._secret))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        connection.install(scope, send)
        scope.setdefault("state", {})
        log, at = self.sandbox.log, self.sandbox.core.clock.now()
        status: int | None = None

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], _MARK]
            await send(message)

        try:
            await super().__call__(scope, receive, marked)
        finally:
            call = _call(scope, at, status)
            if call is not None:
                log.add(call)

    def _use(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._router = Router(sandbox.routes(), redirect_slashes=False)

    async def _providers(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)


@asynccontextmanager
async def _close_at_the_end(app: SandboxApp) -> AsyncIterator[None]:
    yield
    await app.sandbox.fal.close()


def create_app(config: Config | None = None, clock: Clock | None = None) -> SandboxApp:
    """The sandbox as an ASGI application; settings come from the environment where none are given."""
    settings = config or Config()
    return SandboxApp(settings, clock or (ManualClock() if settings.manual_clock else SystemClock()))


def _secret(seed: int | None) -> bytes:
    if seed is None:
        return secrets.token_bytes(_SECRET_BYTES)
    return random.Random(seed).randbytes(_SECRET_BYTES)  # noqa: S311 - a seed was asked for


def _call(scope: Scope, at: datetime, status: int | None) -> Call | None:
    provider = scope["path"].split("/")[1]
    if provider not in {FAL, LINKMODEL}:
        return None
    return Call(at, scope["method"], scope["path"], provider, scope["state"].get("subject"), status)
