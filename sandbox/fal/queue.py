"""The fal queue over HTTP: submit, status, status stream, result, cancel."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox import faults
from sandbox.core import Core
from sandbox.fal import answers, billing, submits
from sandbox.fal.book import FalBook
from sandbox.fal.paths import STREAM, QueuePath, read
from sandbox.fal.record import FalRequest
from sandbox.fal.timeline import COMPLETED, IN_QUEUE
from sandbox.fal.webhooks import WebhookSender
from sandbox.keys import REFUSAL, is_sandbox_key
from sandbox.scenarios import CANCEL, FAL, RESULT, STATUS, SUBMIT, Step
from sandbox.wire import ExactJson, dumps

_STREAM_SECONDS = 0.25
_Operation = Callable[[Request, FalRequest], Awaitable[Response]]


class Queue:
    """The routes below ``/fal/queue``; one wildcard, as endpoint ids have any number of parts."""

    def __init__(self, core: Core, book: FalBook, webhooks: WebhookSender) -> None:
        self._core = core
        self._book = book
        self._webhooks = webhooks
        self._early: set[str] = set()
        self._operations: dict[tuple[str, str], _Operation] = {
            ("GET", STATUS): self._status,
            ("GET", STREAM): self._stream,
            ("GET", RESULT): self._result,
            ("PUT", CANCEL): self._cancel,
        }

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [Route("/fal/queue/{path:path}", self.handle, methods=["GET", "POST", "PUT"])]

    async def handle(self, request: Request) -> Response:
        """Carry out one call, with the request id that every answer of the platform has."""
        target = read(request.path_params["path"])
        if not is_sandbox_key(request.headers.get("authorization"), "Key"):
            response = answers.error(401, REFUSAL)
        elif target is None:
            response = answers.error(404, "there is nothing at this path")
        elif target.action == SUBMIT:
            response = await self._submit(request, target)
        else:
            response = await self._follow_up(request, target)
        if not response.headers.get("content-type", "").startswith("text/html"):
            response.headers.setdefault("x-fal-request-id", self._core.new_id())
        return response

    async def _submit(self, request: Request, target: QueuePath) -> Response:
        if request.method != "POST":
            return answers.error(405, f"submit with POST, not {request.method}")
        taken = await submits.submit(self._core, self._book, request, target)
        if isinstance(taken, Response):
            return taken
        request.state.subject = taken.id
        self._webhooks.watch(taken)
        return submits.acceptance(self._core, taken)

    async def _follow_up(self, request: Request, target: QueuePath) -> Response:
        request.state.subject = target.request_id
        operation = self._operations.get((request.method, target.action))
        if operation is None:
            return answers.error(405, f"{request.method} is not for this path")
        record = self._book.get(target.request_id)
        if record is None:
            return ExactJson({"status": "NOT_FOUND"}, 404)
        steps = self._trouble(record, target.action)
        response = faults.refusal(steps, answers.error)
        if response is None:
            response = await operation(request, record)
            response = faults.spoilt(steps, response, answers.error, self._core.clock)
        response.headers.setdefault("x-fal-request-id", record.id)
        return response

    def _trouble(self, record: FalRequest, stage: str) -> list[Step]:
        own = record.script.take(stage)
        return [own] if own else list(self._core.plan.take(FAL, record.endpoint.id, stage))

    async def _status(self, request: Request, record: FalRequest) -> Response:
        body = self._status_body(request, record)
        return ExactJson(body, 200 if body["status"] == COMPLETED else 202)

    def _status_body(self, request: Request, record: FalRequest) -> answers.JsonObject:
        now = self._core.clock.now()
        verdict = self._book.verdict(record) if record.over(now) else None
        with_logs = request.query_params.get("logs", "").lower() in {"1", "true"}
        return answers.status(record, now, verdict, with_logs=with_logs)

    async def _stream(self, request: Request, record: FalRequest) -> Response:
        async def events() -> AsyncIterator[bytes]:
            told = b""
            while True:
                body = self._status_body(request, record)
                event = b"data: " + dumps(body) + b"\n\n"
                if event != told:
                    yield event
                if body["status"] == COMPLETED:
                    return
                told = event
                await self._core.clock.sleep(_STREAM_SECONDS)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _result(self, _: Request, record: FalRequest) -> Response:
        if not record.over(self._core.clock.now()) or self._too_early(record):
            return answers.error(400, "Request is still in progress")
        if record.erased or self._expired(record):
            return answers.error(404, "the result is no longer stored")
        verdict = self._book.verdict(record)
        headers = dict(verdict.headers)
        if verdict.billed is not None and record.endpoint.listed and not record.script.has("no_units"):
            headers["X-Fal-Billable-Units"] = billing.header(verdict.billed)
        return ExactJson(verdict.body, verdict.status, headers=headers)

    def _too_early(self, record: FalRequest) -> bool:
        if not record.script.has("result_early_400") or record.id in self._early:
            return False
        self._early.add(record.id)
        return True

    def _expired(self, record: FalRequest) -> bool:
        if record.script.has("result_expired"):
            return True
        kept = timedelta(seconds=self._core.config.result_seconds)
        ended = record.ended_at
        return not record.stored and ended is not None and self._core.clock.now() > ended + kept

    async def _cancel(self, _: Request, record: FalRequest) -> Response:
        state = record.state(self._core.clock.now())
        if state == COMPLETED:
            return ExactJson({"status": "ALREADY_COMPLETED"}, 400)
        if state == IN_QUEUE:
            self._book.cancel(record)
            return ExactJson({"status": "OK"}, 200)
        if not record.script.has("cancel_ignored"):
            self._book.cancel(record)
            self._webhooks.watch(record)
        return ExactJson({"status": "CANCELLATION_REQUESTED"}, 202)
