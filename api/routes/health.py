"""Routes for those who keep the service running."""

from typing import Final

from fastapi import APIRouter

from api.answers import Json
from api.parts import TheParts
from api.schemas.health import Alive, Readiness

router: Final = APIRouter(tags=["health"])


@router.get("/healthz", summary="Alive", response_model=Alive)
async def alive() -> Json:
    """The process answers; nothing else is asked."""
    return Json({"status": "ok"})


@router.get(
    "/readyz",
    summary="Ready, part by part",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Something that requests need is missing."}},
)
def ready(parts: TheParts) -> Json:
    """Database, Redis, object store and watcher, each with what is wrong; answers within three seconds.

    Without Redis it stays ready, and says `degraded`: jobs are accepted, and run once it is back.
    """
    found = parts.health.check()
    return Json(found.view, 200 if found.ready else 503)
