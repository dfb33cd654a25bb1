"""Taking a submit: what its headers and query ask for, what may refuse it, and the order that remains."""

import math
from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox import faults
from sandbox.core import Core, Submit, telling_headers
from sandbox.fal import answers
from sandbox.fal.book import FalBook, Order
from sandbox.fal.paths import QueuePath, app_id
from sandbox.fal.record import FalRequest
from sandbox.scenarios import FAL, SUBMIT, Script, Step
from sandbox.wire import BodyError, ExactJson, base_url, loads

_SHORTEST_START: Final = 0.1
_LOCKED: Final = "User is locked. Reason: Exhausted balance. Top up your balance to continue."


async def submit(core: Core, book: FalBook, request: Request, target: QueuePath) -> Response | FalRequest:
    """The request that was accepted, or the answer that refuses it (fal queue contract, submit)."""
    try:
        order = await _order(core, request, target)
    except (BodyError, ValueError) as error:
        return answers.error(400, str(error))
    refused = _refusal(order.script.steps, target) or _overfull(book, request, target)
    if refused is not None:
        return refused
    record = book.accept(order)
    core.remember(
        Submit(
            at=record.submitted_at,
            provider=FAL,
            endpoint=target.endpoint,
            request_id=record.id,
            arguments=order.arguments,
            headers=telling_headers(request.headers),
            query=dict(request.query_params),
            scenarios=[step.name for step in order.script.steps],
        )
    )
    return record


def acceptance(core: Core, record: FalRequest) -> Response:
    """The answer to an accepted submit, spoilt if that was asked for."""
    response = ExactJson(answers.accepted(record), headers={"x-fal-request-id": record.id})
    steps = [step for step in record.script.steps if step.stage == SUBMIT]
    return faults.spoilt(steps, response, answers.error, core.clock)


async def _order(core: Core, request: Request, target: QueuePath) -> Order:
    arguments = loads(await request.body())
    timeout = _start_timeout(request.headers.get("X-Fal-Request-Timeout"))
    planned = core.plan.take(FAL, target.endpoint, SUBMIT)
    return Order(
        endpoint_id=target.endpoint,
        arguments=arguments,
        script=Script((*planned, *core.marked(arguments.get("prompt"), FAL))),
        base_url=base_url(request, core.config.public_url),
        webhook=request.query_params.get("fal_webhook"),
        start_timeout=timeout,
        stored=request.headers.get("X-Fal-Store-IO") != "0",
    )


def _start_timeout(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > _SHORTEST_START):
        raise ValueError(f"X-Fal-Request-Timeout must be a number of seconds above {_SHORTEST_START}")
    return seconds


def _refusal(steps: Iterable[Step], target: QueuePath) -> Response | None:
    asked = [step for step in steps if step.stage == SUBMIT]
    for step in asked:
        if step.name == "nginx_502":
            return answers.nginx()
        if step.name == "platform_503":
            return answers.error(503, "no runner could be reached")
        if step.name == "locked":
            return answers.error(403, _LOCKED)
        if step.name == "not_found":
            return answers.error(404, f'Application "{app_id(target.endpoint).split("/")[-1]}" not found')
    return faults.refusal(asked, answers.error)


def _overfull(book: FalBook, request: Request, target: QueuePath) -> Response | None:
    longest = request.query_params.get("fal_max_queue_length", "")
    if longest.isdecimal() and book.waiting(app_id(target.endpoint)) > int(longest):
        return answers.error(429, f"the queue is longer than {longest}")
    return None
