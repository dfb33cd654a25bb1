"""Asking a provider about one open request: its cancel first where one is wanted, then how it stands."""

import asyncio

import structlog

from outbound.wire import AsyncWire
from providers.base import LookFailed
from services import cancel
from services.looking import Look, Open, Result
from services.runtime import Runtime

log = structlog.get_logger(__name__)


async def ask(runtime: Runtime, one: Open, wire: AsyncWire) -> Look | None:
    """What one look brings; None where a cancel has left nothing to look at."""
    if one.cancel and await _cancel(runtime, one):
        return None
    provider = runtime.providers.get(one.provider)
    result: Result = LookFailed(f"{one.provider} is not set up here any more: set its key again")
    if provider is not None:
        try:
            result = await provider.look(one.handle, wire)
        except LookFailed as error:
            result = error
    return Look(one, result, runtime.clock())


async def _cancel(runtime: Runtime, one: Open) -> bool:
    """Ask for a cancel that was not answered yet; True when the request has ended by it."""
    try:
        answer = await asyncio.to_thread(cancel.ask, runtime, one.provider, one.handle)
    except LookFailed as error:
        log.info("cancel_unanswered", job_id=str(one.job_id), reason=str(error))
        return False
    await asyncio.to_thread(cancel.record_answer, runtime, one.attempt_id, answer)
    return answer.effect == "removed"
