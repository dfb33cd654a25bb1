"""Building the sandbox's application: providers, callback receiver and control API behind one door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.routing import Mount, Router
from starlette.types import Message, Receive, Scope, Send

from sandbox import connection, lasting
from sandbox.archive import Archive, FolderArchive, NoArchive
from sandbox.clock import Clock
from sandbox.config import Config
from sandbox.control import control_routes
from sandbox.core import Core
from sandbox.request_log import Call
from sandbox.scenarios import FAL, LINKMODEL
from sandbox.state import Sandbox

_MARK: Final = (b"x-darkroom-sandbox", b"1")
_KEPT: Final = timedelta(days=7)


class SandboxApp(FastAPI):
    """The application; it marks every answer, logs every provider call, and can hang up."""

    def __init__(self, config: Config, clock: Clock, archive: Archive) -> None:
        super().__init__(
            title="Darkroom sandbox",
            docs_url="/control/docs",
            redoc_url=None,
            openapi_url="/control/openapi.json",
            lifespan=_from_start_to_end,
            redirect_slashes=False,
        )
        self.archive = archive
        self._identity = lasting.identity(archive, config.seed)
        self._use(config, clock)
        self.include_router(control_routes(self))
        self.router.routes.append(Mount("/", app=self._providers))

    async def reset(self) -> None:
        """Forget everything but settings, clock and signing keys."""
        await self.sandbox.fal.close()
        self.archive.drop()
        self._use(self.sandbox.core.config, self.sandbox.core.clock)

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

    def _use(self, config: Config, clock: Clock) -> None:
        self.sandbox = Sandbox(Core(config, clock, self._identity, self.archive))
        self._router = Router(self.sandbox.routes(), redirect_slashes=False)

    async def _providers(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)


@asynccontextmanager
async def _from_start_to_end(app: SandboxApp) -> AsyncIterator[None]:
    app.sandbox.fal.resume()
    yield
    await app.sandbox.fal.close()
    app.archive.close()


def create_app(
    config: Config | None = None, clock: Clock | None = None, folder: Path | None = None
) -> SandboxApp:
    """The sandbox as an ASGI application; settings come from the environment where none are given.

    What it takes is kept in ``folder``, and an app that is made on the same folder later goes on with it.

    Raises:
        sqlite3.Error: another process uses the folder, or its file is damaged.
    """
    archive: Archive = NoArchive() if folder is None else FolderArchive(folder)
    settings = lasting.settings(archive, config or Config())
    time = clock or lasting.clock(archive, settings)
    archive.drop(before=time.now() - _KEPT)
    return SandboxApp(settings, time, archive)


def _call(scope: Scope, at: datetime, status: int | None) -> Call | None:
    provider = scope["path"].split("/")[1]
    if provider not in {FAL, LINKMODEL}:
        return None
    return Call(at, scope["method"], scope["path"], provider, scope["state"].get("subject"), status)
