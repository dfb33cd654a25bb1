"""Asking a provider about one open request: its cancel first where one is wanted, then how it stands."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import structlog

from outbound.wire import AsyncWire
from providers.base import Ended, Finished, LookFailed, Provider, UnitPrice
from services import cancel
from services.runtime import Runtime
from services.sights import Look, Open, Result

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


async def ask(runtime: Runtime, one: Open, wire: AsyncWire, *, calls: Executor | None = None) -> Look | None:
    """What one look brings; None where a cancel has left nothing to look at.

    ``calls`` are the threads for what a look needs besides itself: a cancel, a price.
    """
    if one.cancel and await _cancel(runtime, one, calls):
        return None
    provider = runtime.providers.get(one.provider)
    result: Result = LookFailed(f"{one.provider} is not set up here any more: set its key again")
    price = None
    if provider is not None:
        try:
            result = await provider.look(one.handle, wire)
        except LookFailed as error:
            result = error
        price = await _late_price(provider, one, result, calls)
    return Look(one, result, runtime.clock(), price)


async def _cancel(runtime: Runtime, one: Open, calls: Executor | None) -> bool:
    """Ask for a cancel that was not answered yet; True when the request has ended by it."""
    try:
        answer = await _aside(calls, lambda: cancel.ask(runtime, one.provider, one.handle))
    except LookFailed as error:
        log.info("cancel_unanswered", job_id=str(one.job_id), reason=str(error))
        return False
    await _aside(calls, lambda: cancel.record_answer(runtime, one.attempt_id, answer))
    return answer.effect == "removed"


async def _late_price(
    provider: Provider, one: Open, result: Result, calls: Executor | None
) -> UnitPrice | None:
    """The price of a unit, where units were billed and the price list was away when the request was sent."""
    if not isinstance(result, Finished | Ended) or result.cost.final or result.cost.units is None:
        return None
    if one.handle.unit_price is not None:
        return None
    try:
        return await _aside(calls, lambda: provider.unit_price(one.handle.endpoint))
    except LookFailed as error:
        log.info("price_still_away", job_id=str(one.job_id), reason=str(error))
        return None


async def _aside(calls: Executor | None, step: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(calls, step)
