"""The gateway over HTTP: create and query of image and video tasks, key check, media downloads."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox import faults
from sandbox.core import Core, Submit, telling_headers
from sandbox.invoice import to_usd
from sandbox.keys import REFUSAL, is_sandbox_key
from sandbox.linkmodel.book import InsufficientBalanceError, LinkModelBook, Order
from sandbox.linkmodel.catalogue import Kind
from sandbox.linkmodel.envelope import Envelope, JsonObject
from sandbox.linkmodel.limits import find
from sandbox.linkmodel.task import SUCCESS, Task
from sandbox.media.serving import serve
from sandbox.scenarios import LINKMODEL, STATUS, SUBMIT, Script, Step
from sandbox.wire import BodyError, base_url, loads

_BASE = "/linkmodel/api/v1"
_SHORT = "create task failed: billing: code=100601: insufficient balance"
_Handler = Callable[[Request], Awaitable[Response]]


class LinkModel:
    """One LinkModel account."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.book = LinkModelBook(core)
        self._create = Envelope(core, "msg")
        self._query = Envelope(core, "message")

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        kinds: tuple[Kind, Kind] = ("image", "video")
        creates = [Route(f"{_BASE}/{k}-generation", self._creator(k), methods=["POST"]) for k in kinds]
        queries = [Route(f"{_BASE}/query/{k}-generation", self._querier(k)) for k in kinds]
        check = Route(f"{_BASE}/auth/check", self._check)
        return [*creates, *queries, check, Route("/linkmodel/files/{key}/{name}", self._file)]

    def _creator(self, kind: Kind) -> _Handler:
        async def create(request: Request) -> Response:
            if not _has_key(request):
                return self._create.error(401, REFUSAL)
            try:
                arguments = loads(await request.body())
            except BodyError as error:
                return self._create.error(400, str(error))
            return self._created(request, kind, arguments)

        return create

    def _querier(self, kind: Kind) -> _Handler:
        async def query(request: Request) -> Response:
            task_id = request.query_params.get("task_id")
            request.state.subject = task_id
            if not _has_key(request):
                return self._query.error(401, REFUSAL)
            if not task_id:
                return self._query.error(400, "task_id is required")
            task = self.book.get(task_id, kind)
            return self._queried(task) if task else self._query.error(404, "task not found")

        return query

    def _created(self, request: Request, kind: Kind, arguments: JsonObject) -> Response:
        offering, broken = find(arguments, kind)
        if offering is None:
            return self._create.error(400, broken)
        planned = self._core.plan.take(LINKMODEL, offering.id, SUBMIT)
        script = Script((*planned, *self._core.marked(arguments.get("prompt"), LINKMODEL)))
        steps = [step for step in script.steps if step.stage == SUBMIT]
        refused = _refusal(steps, self._create)
        if refused is not None:
            return refused
        try:
            order = Order(offering, arguments, script, base_url(request, self._core.config.public_url))
            task = self.book.accept(order)
        except InsufficientBalanceError:
            return self._create.business(500, _SHORT)
        self._remember(request, task)
        response = self._create.success(_receipt(task), steps)
        return faults.spoilt(steps, response, self._create.error, self._core.clock)

    def _queried(self, task: Task) -> Response:
        own = task.script.take(STATUS)
        steps = [own] if own else list(self._core.plan.take(LINKMODEL, task.offering.id, STATUS))
        refused = _refusal(steps, self._query)
        if refused is not None:
            return refused
        response = self._query.success(self._report(task), steps)
        return faults.spoilt(steps, response, self._query.error, self._core.clock)

    def _report(self, task: Task) -> JsonObject:
        """What a query says of a task (contract section 5)."""
        status = task.status(self._core.clock.now())
        over = task.over(self._core.clock.now())
        body: JsonObject = {"task_id": task.id, "prompt": task.arguments.get("prompt", ""), "status": status}
        body |= {"model": task.offering.id, "metadata": "", "msg": task.failure() if over else ""}
        links = self.book.links(task) if status == SUCCESS else []
        if task.offering.kind == "image":
            return body | {"images": task.arguments.get("images", []), "output_images": links}
        body["duration"] = task.offering.seconds(task.arguments)
        if task.script.has("output_videos"):
            return body | {"output_videos": links}
        return body | {"file_url": links[0] if links else ""}

    def _remember(self, request: Request, task: Task) -> None:
        request.state.subject = task.id
        self._core.remember(
            Submit(
                at=task.created_at,
                provider=LINKMODEL,
                endpoint=task.offering.id,
                request_id=task.id,
                arguments=task.arguments,
                headers=telling_headers(request.headers),
                query=dict(request.query_params),
                scenarios=[step.name for step in task.script.steps],
            )
        )

    async def _check(self, request: Request) -> Response:
        if not _has_key(request):
            return self._create.error(401, REFUSAL)
        return self._create.success({"valid": True})

    async def _file(self, request: Request) -> Response:
        now = self._core.clock.now()
        refused = self.book.signer.refusal(request.url.path, request.query_params, now)
        if refused is not None:
            xml = f"<?xml version='1.0'?><Error><Code>{refused}</Code></Error>"
            return Response(xml, 403, media_type="application/xml")
        return await serve(self._core.media, request.path_params["key"])


def _receipt(task: Task) -> JsonObject:
    """What a create says of a task (contract section 4); the price may be 0 and still be charged."""
    price = 0 if task.script.has("price_zero") else to_usd(task.nano)
    return {"task_id": task.id, "order_id": task.order_id, "status": "processing", "price": price}


def _refusal(steps: Iterable[Step], envelope: Envelope) -> Response | None:
    for step in steps:
        if step.name == "insufficient_funds":
            return envelope.business(500, _SHORT, status=402 if step.value == "402" else 200)
        if step.name == "auth_inband":
            return envelope.business(401, "token expired")
        if step.name == "inband_429":
            return envelope.business(429, "rate limit exceeded")
        if step.name == "moderation" and step.value == "create":
            return envelope.error(400, "prompt was rejected: content policy")
    return faults.refusal(steps, envelope.error)


def _has_key(request: Request) -> bool:
    return is_sandbox_key(request.headers.get("authorization"), "Bearer")
