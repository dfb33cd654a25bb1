"""fal.ai's queue, emulated strictly from its wire contract: every corner is scripted per prompt."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.emulators.cdn import Cdn
from tests.emulators.fal_input import wrong_field
from tests.emulators.fal_script import Answer, Links, Plan, Taken, model_error, output, state
from tests.emulators.invoice import units_times_price
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET, Reply, Request, Server, json_reply

KEY = "emulated-id:emulated-secret"
# What this account pays for a unit: deliberately nobody's list price.
PRICES = {"fal-ai/flux/dev": ("0.0275", "megapixels"), "fal-ai/flux/schnell": ("0.0031", "megapixels")}
OTHER_PRICE = ("0.0413", "unit")
_ENDS = {(), ("response",), ("status",), ("cancel",)}


@dataclass(slots=True)
class _Script:
    plans: list[Plan]
    faults: list[OnPost]


@dataclass(slots=True)
class Fal:
    """The queue. ``violations`` says what a client did that the contract forbids; it should stay empty."""

    cdn: Cdn
    server: Server = field(init=False)
    taken: dict[str, Taken] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    polls: dict[str, int] = field(default_factory=dict)
    _scripts: dict[str, _Script] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _seeds: Iterator[int] = field(default_factory=lambda: itertools.count(196619188014358660))

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @contextmanager
    def serving(self) -> Iterator["Fal"]:
        """Listen to the end of the block."""
        with self.server.serving():
            yield self

    def expect(self, prompt: str, *plans: Plan, faults: tuple[OnPost, ...] = ()) -> None:
        """What requests with this prompt meet: first the faults, one per POST, then the plans in order."""
        with self._lock:
            self._scripts[prompt] = _Script(list(plans), list(faults))

    def posts(self, prompt: str) -> int:
        """How many submits with this prompt came over the wire, whatever became of them."""
        return sum(_prompt(request.body) == prompt for request in self.server.asked("POST"))

    def accepted(self, prompt: str) -> list[Taken]:
        """The accepted requests with this prompt."""
        return [taken for taken in list(self.taken.values()) if taken.input.get("prompt") == prompt]

    def charges(self, prompt: str) -> dict[str, int]:
        """Nano-dollars by request id: what the accepted requests with this prompt are charged."""
        return {taken.request_id: self.charge(taken) for taken in self.accepted(prompt)}

    def charge(self, taken: Taken) -> int:
        """What one request costs: its units, unless it never ran."""
        price, _ = price_of(taken.endpoint)
        return 0 if taken.canceled and taken.plan.cancel_works else units_times_price(taken.plan.units, price)

    def complete(self, taken: Taken) -> None:
        """Let an open-ended request end."""
        with self._lock:
            taken.completed = True

    def plain_output(self, count: int = 1) -> Answer:
        """The output of an image model, with sound files."""
        return output(self.images(*(self.cdn.image("JPEG") for _ in range(count))))

    def images(self, *urls: str, **other: object) -> dict[str, object]:
        """The output object of an image model."""
        images = [{"url": url, "width": 48, "height": 32, "content_type": "image/jpeg"} for url in urls]
        known = {"timings": {"inference": 1.22}, "seed": next(self._seeds), "prompt": "..."}
        return {"images": images, "has_nsfw_concepts": [False] * len(urls), **known, **other}

    def _answer(self, request: Request) -> Reply:
        if request.headers["Authorization"] != f"Key {KEY}":
            return json_reply(401, {"detail": "invalid key credentials"})
        parts = request.segments
        if "requests" in parts[2:]:
            return self._about(request, parts)
        if request.method != "POST":
            return json_reply(405, {"detail": "Method Not Allowed"})
        return self._submit(request, "/".join(parts))

    def _submit(self, request: Request, endpoint: str) -> Reply:
        given = self._input(request)
        if given is None:
            return json_reply(400, {"detail": "the body is not a JSON object", "error_type": "bad_request"})
        prompt = str(given.get("prompt"))
        with self._lock:
            script = self._scripts.get(prompt)
            fault = script.faults.pop(0) if script and script.faults else OnPost(taken=True)
            taken = self._take(request, endpoint, given, script) if fault.taken else None
        if fault.hold is not None:
            fault.hold.wait(120)
        if fault.reply is not None:
            return fault.reply
        return RESET if taken is None else _accepted(taken)

    def _input(self, request: Request) -> dict[str, object] | None:
        if not (request.headers["Content-Type"] or "").startswith("application/json"):
            self.violations.append(f"{request.path}: the input was not sent as JSON")
        try:
            given = request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict):
            self.violations.append(f"{request.path}: the input is no JSON object")
            return None
        return given

    def _take(
        self, request: Request, endpoint: str, given: dict[str, object], script: _Script | None
    ) -> Taken:
        plan = self._plan(script)
        request_id = str(uuid.uuid4())
        wrong = wrong_field(endpoint, given)
        if wrong is not None:
            self.violations.append(f"{endpoint}: {wrong}={given.get(wrong)!r} is not what the model takes")
        results = [model_error("value_error", field_name=wrong)] if wrong else list(plan.results)
        webhook = request.query.get("fal_webhook", [None])[0]
        taken = Taken(request_id, endpoint, plan, self.server.url, given, webhook, list(plan.steps), results)
        self.taken[request_id] = taken
        return taken

    def _plan(self, script: _Script | None) -> Plan:
        if script is None or not script.plans:
            return Plan(results=(self.plain_output(),))
        return script.plans.pop(0) if len(script.plans) > 1 else script.plans[0]

    def _about(self, request: Request, parts: list[str]) -> Reply:
        at = parts.index("requests", 2)
        taken = self.taken.get(parts[at + 1]) if len(parts) > at + 1 else None
        end = tuple(parts[at + 2 :])
        if taken is None or end not in _ENDS:
            return json_reply(404, {"status": "NOT_FOUND"})
        if "/".join(parts[:at]) not in {taken.app, taken.endpoint}:
            self.violations.append(f"{request.path} is neither the app's nor the endpoint's address")
            return json_reply(405, {"detail": "Method Not Allowed"})
        method = "PUT" if end == ("cancel",) else "GET"
        if request.method != method:
            self.violations.append(f"{request.method} {request.path} instead of {method}")
            return json_reply(405, {"detail": "Method Not Allowed"})
        with self._lock:
            if end == ("cancel",):
                return self._cancel(taken)
            return self._status(taken) if end == ("status",) else self._result(taken)

    def _status(self, taken: Taken) -> Reply:
        self.polls[taken.request_id] = self.polls.get(taken.request_id, 0) + 1
        if taken.steps and not taken.completed:
            last = taken.plan.open_ended and len(taken.steps) == 1
            return (taken.steps[0] if last else taken.steps.pop(0))(taken)
        taken.completed = True
        body = {
            "status": "COMPLETED",
            "logs": None,
            "metrics": {"inference_time": 3.42},
            **taken.plan.completion,
        }
        return state(200, {name: value for name, value in body.items() if value != "absent"})(taken)

    def _result(self, taken: Taken) -> Reply:
        if not taken.completed:
            return json_reply(400, {"detail": "Request is still in progress"})
        answer = taken.results.pop(0) if len(taken.results) > 1 else taken.results[0]
        return answer(taken)

    def _cancel(self, taken: Taken) -> Reply:
        if taken.completed:
            return json_reply(400, {"status": "ALREADY_COMPLETED"})
        taken.canceled = True
        if taken.plan.cancel_works:
            taken.completed = True
            gone = {"detail": "Request was cancelled", "error_type": "client_cancelled"}
            taken.results = [output(gone, 499, X_Fal_Error_Type="client_cancelled")]
        was = "CANCELLATION_REQUESTED" if taken.started else "OK"
        return json_reply(202 if taken.started else 200, {"status": was})


def price_of(endpoint: str) -> tuple[str, str]:
    """Dollars per unit and the unit's name."""
    return PRICES.get(endpoint, OTHER_PRICE)


def _accepted(taken: Taken) -> Reply:
    body = {"status": "IN_QUEUE", "request_id": taken.request_id, "queue_position": 0}
    if taken.plan.links is not Links.NONE:
        body["gateway_request_id"] = taken.request_id
    return json_reply(200, {**body, **taken.links()}, {"x-fal-request-id": taken.request_id})


def _prompt(body: bytes) -> object:
    try:
        given = json.loads(body)
    except ValueError:
        return None
    return given.get("prompt") if isinstance(given, dict) else None
