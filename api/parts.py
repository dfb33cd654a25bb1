"""What the routes are handed: the parts of this process."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.live import Live
from api.waiting import Ends
from services.access import KeyRing
from services.health import Health
from services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application."""

    runtime: Runtime
    keys: KeyRing
    ends: Ends
    live: Live
    health: Health


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _runtime(request: Request) -> Runtime:
    return (await _parts(request)).runtime


TheParts = Annotated[Parts, Depends(_parts)]
TheRuntime = Annotated[Runtime, Depends(_runtime)]
