"""The application: built from the settings for a server, or around parts that are there already."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import errors
from api.descriptors import allow_connections
from api.direct import Shortcut
from api.documentation import DESCRIPTION, TAGS, Documented
from api.incidents import Incidents
from api.live import Live
from api.parts import Parts
from api.routes import (
    accepting,
    access,
    batch_results,
    batches,
    budgets,
    catalogue,
    comparing,
    costs,
    deliveries,
    differences,
    endpoints,
    erasing,
    events,
    files,
    health,
    hooks,
    jobs,
    reading,
    resolve,
    streams,
)
from api.stopping import told_to_stop
from api.waiting import Ends
from services.accept import Reception
from services.access import KeyRing
from services.build import build
from services.garbage import settle
from services.health import Health
from services.hooks import Listener
from services.logs import configure
from services.runtime import Runtime
from services.settings import Settings
from storage.entrance import Entrance


def create() -> FastAPI:
    """The application by the settings: what `uvicorn --factory api.app:create` serves.

    Raises:
        SettingMissing: a setting that it cannot do without is not set.
    """
    configure()
    allow_connections()
    return create_app(build(Settings()))


def create_app(runtime: Runtime) -> FastAPI:
    """The application on ``runtime``; connects to nothing before the first request."""
    app = Documented(
        title="Darkroom",
        version=version("darkroom"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan,
        redoc_url=None,
        # Nothing here is set up to be traced, and asking each request whether it is costs a tenth of it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
    )
    ends = Ends(runtime)
    app.state.parts = Parts(runtime, KeyRing(runtime), ends, Live(runtime, ends), Health(runtime))
    errors.install(app)
    # They are tried in this order: what is called most comes first.
    for routes in (accepting, hooks, jobs, resolve, reading, catalogue, deliveries, access, health, files):
        app.include_router(routes.router)
    app.include_router(batch_results.router)
    app.include_router(batches.router)
    app.include_router(budgets.router)
    app.include_router(costs.router)
    app.include_router(comparing.router)
    app.include_router(differences.router)
    app.include_router(endpoints.router)
    app.include_router(erasing.router)
    app.include_router(events.router)
    app.include_router(streams.router)
    app.add_middleware(Shortcut, routes=accepting.router.routes, handlers=app.exception_handlers)
    app.add_middleware(Incidents)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    runtime = parts.runtime

    def stop() -> None:
        parts.ends.answer_all()
        parts.live.end_all()

    async with parts.ends.heard(), parts.live.running(), Entrance.opened(runtime.database.url) as entrance:
        app.state.reception = Reception(runtime, entrance)
        app.state.listener = Listener(runtime, entrance)
        settle()
        with told_to_stop(stop):
            yield
