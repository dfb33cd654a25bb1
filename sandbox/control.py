"""The control API: plan scenarios, move the clock, change settings, and read what really happened."""

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from sandbox import lasting
from sandbox.callbacks import Reply
from sandbox.clock import ManualClock
from sandbox.config import Config
from sandbox.scenarios import SUBMIT, Planned, ScenarioError, parse
from sandbox.state import Sandbox
from sandbox.wire import ExactJson

_FIXED = frozenset({"seed", "manual_clock"})
Provider = Literal["fal", "linkmodel"]


class Stage(Protocol):
    """Where the control API finds the sandbox that is played now."""

    sandbox: Sandbox

    async def reset(self) -> None:
        """Start over."""
        ...


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScenarioBody(_Body):
    """Outcomes for the next calls."""

    provider: Provider
    endpoint: str | None = None
    scenario: str | list[str]
    value: str | int | float | None = None
    on: Literal["submit", "status", "result", "cancel", "billing"] = SUBMIT
    count: Annotated[int, Field(ge=1)] = 1


class ReplyBody(_Body):
    """Answers for the next posts to a callback name."""

    status: Annotated[int, Field(ge=200, le=599)] = 500
    headers: dict[str, str] = {}
    seconds: Annotated[float, Field(ge=0)] = 0.0
    count: Annotated[int, Field(ge=1)] = 1


class ClockBody(_Body):
    """How far to move a manual clock."""

    advance_seconds: Annotated[float, Field(ge=0)]


def control_routes(stage: Stage) -> APIRouter:
    """Every route below ``/control``."""
    router = APIRouter(prefix="/control")
    _add_reading(router, stage)
    _add_planning(router, stage)
    _add_running(router, stage)
    return router


def _add_reading(router: APIRouter, stage: Stage) -> None:
    @router.get("/health")
    async def health() -> dict[str, bool]:
        """Answers as soon as the sandbox does."""
        return {"ok": True}

    @router.get("/submits")
    async def submits(provider: Provider | None = None) -> Response:
        """Every accepted submit, the oldest first."""
        listed = stage.sandbox.core.submits
        return ExactJson([submit.report() for submit in listed if provider in {None, submit.provider}])

    @router.get("/requests")
    async def requests() -> dict[str, Any]:
        """The log of provider calls, and how often each request was looked at."""
        return stage.sandbox.log.report()

    @router.get("/invoice")
    async def invoice() -> dict[str, Any]:
        """What was really charged, in whole nano-dollars."""
        return stage.sandbox.invoice()


def _add_planning(router: APIRouter, stage: Stage) -> None:
    @router.get("/scenarios")
    async def waiting() -> list[dict[str, Any]]:
        """The outcomes that still wait."""
        return [asdict(planned) for planned in stage.sandbox.core.plan.waiting]

    @router.post("/scenarios")
    async def plan(body: ScenarioBody) -> dict[str, Any]:
        """Queue an outcome for the next calls."""
        try:
            planned = _planned(body)
        except ScenarioError as error:
            raise HTTPException(422, str(error)) from error
        stage.sandbox.core.plan.add(planned)
        return asdict(planned)

    @router.delete("/scenarios")
    async def clear() -> dict[str, bool]:
        """Drop the outcomes that still wait."""
        stage.sandbox.core.plan.waiting.clear()
        return {"ok": True}

    @router.post("/callbacks/{name}")
    async def reply(name: str, body: ReplyBody) -> dict[str, bool]:
        """Script the next answers of a callback name."""
        scripted = Reply(body.status, body.headers, body.seconds)
        stage.sandbox.callbacks.script(name, scripted, body.count)
        return {"ok": True}


def _add_running(router: APIRouter, stage: Stage) -> None:
    @router.post("/reset")
    async def reset() -> dict[str, bool]:
        """Forget everything but settings, clock and signing keys."""
        await stage.reset()
        return {"ok": True}

    @router.get("/settings")
    async def settings() -> Config:
        """The settings in force."""
        return stage.sandbox.core.config

    @router.patch("/settings")
    async def change(body: dict[str, Any]) -> Config:
        """Change settings for what comes from now on; seed and kind of clock stay."""
        fixed = _FIXED & body.keys()
        if fixed:
            raise HTTPException(422, f"cannot be changed while running: {', '.join(sorted(fixed))}")
        core = stage.sandbox.core
        try:
            core.config = lasting.changed(core.config, body)
        except ValidationError as error:
            raise HTTPException(422, str(error)) from error
        lasting.keep_settings(core.archive, body)
        return core.config

    @router.post("/clock")
    async def clock(body: ClockBody) -> dict[str, str]:
        """Move a manual clock forward."""
        core = stage.sandbox.core
        manual = core.clock
        if not isinstance(manual, ManualClock):
            raise HTTPException(409, "the clock is the system's: start with --manual-clock to move it")
        manual.advance(body.advance_seconds)
        lasting.keep_clock(core.archive, manual)
        return {"now": manual.now().isoformat()}


def _planned(body: ScenarioBody) -> Planned:
    asked = [body.scenario] if isinstance(body.scenario, str) else body.scenario
    if not asked:
        raise ScenarioError("name at least one scenario")
    steps = [replace(parse(text, body.provider), stage=body.on) for text in asked]
    if body.value is not None:
        steps[0] = replace(steps[0], value=str(body.value))
    return Planned(body.provider, body.endpoint, tuple(steps), body.on, body.count)
