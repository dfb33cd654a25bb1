"""LinkModel's media gateway, emulated strictly from its contract: every corner is scripted per prompt."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.emulators.cdn import Cdn
from tests.emulators.invoice import nano
from tests.emulators.linkmodel_input import complaint
from tests.emulators.linkmodel_script import Plan, Task, envelope, refused, stands
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET, Reply, Request, Server

KEY = "sk-8b06emulatedfcc6"
_ROOT = "/api/v1"
# One query per window of the published schedule, and not one more.
MOST_QUERIES = {"image": 109, "video": 116}


@dataclass(slots=True)
class _Script:
    plans: list[Plan]
    faults: list[OnPost]


@dataclass(slots=True)
class LinkModel:
    """The gateway. ``violations`` says what a client did that the contract forbids; it should stay empty."""

    cdn: Cdn
    server: Server = field(init=False)
    tasks: dict[str, Task] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    _scripts: dict[str, _Script] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @contextmanager
    def serving(self) -> Iterator["LinkModel"]:
        """Listen to the end of the block."""
        with self.server.serving():
            yield self

    @property
    def url(self) -> str:
        """What DARKROOM_LINKMODEL_URL names."""
        return f"{self.server.url}{_ROOT}"

    def expect(self, prompt: str, *plans: Plan, faults: tuple[OnPost, ...] = ()) -> None:
        """What requests with this prompt meet: first the faults, one per POST, then the plans in order."""
        with self._lock:
            self._scripts[prompt] = _Script(list(plans), list(faults))

    def posts(self, prompt: str) -> int:
        """How many creates with this prompt came over the wire, whatever became of them."""
        return sum(_prompt(request.body) == prompt for request in self.server.asked("POST"))

    def accepted(self, prompt: str) -> list[Task]:
        """The tasks with this prompt."""
        return [task for task in list(self.tasks.values()) if task.input.get("prompt") == prompt]

    def charges(self, prompt: str) -> dict[str, int]:
        """Nano-dollars by task id: what the tasks with this prompt are charged."""
        return {task.task_id: nano(task.plan.charged) for task in self.accepted(prompt)}

    def pictures(self, *urls: object) -> Plan:
        """A task that works on an image and then has these."""
        return Plan((stands("Pending"), stands("Processing"), stands("Success", output_images=list(urls))))

    def _answer(self, request: Request) -> Reply:
        if request.headers["Authorization"] != f"Bearer {KEY}":
            return refused(401, "Invalid API key", status=401)
        parts = request.path.removeprefix(_ROOT).strip("/").split("/")
        if request.method == "GET" and parts == ["auth", "check"]:
            return Reply(200, b'{"code":0,"msg":"success","data":{"valid":true},"request_id":"r"}', _JSON)
        modality = parts[-1].removesuffix("-generation")
        if modality not in MOST_QUERIES or not request.path.startswith(_ROOT):
            return self._nothing(request)
        if request.method == "POST" and len(parts) == 1:
            return self._create(request, modality)
        if request.method == "GET" and parts[:-1] == ["query"]:
            return self._query(request, modality)
        return self._nothing(request)

    def _nothing(self, request: Request) -> Reply:
        self.violations.append(f"there is no {request.method} {request.path}")
        return refused(404, "not found", status=404)

    def _create(self, request: Request, modality: str) -> Reply:
        given = self._body(request)
        with self._lock:
            script = self._scripts.get(str(given.get("prompt")))
            fault = script.faults.pop(0) if script and script.faults else OnPost(taken=True)
            wrong = complaint(modality, given) if fault.reply is None else None
            if wrong is not None:
                self.violations.append(f"{json.dumps(given)[:300]}: {wrong}")
                return refused(400, wrong, status=400)
            task = self._make(modality, given, script) if fault.taken else None
        if fault.hold is not None:
            fault.hold.wait(120)
        if fault.reply is not None:
            return fault.reply
        return RESET if task is None else _created(task)

    def _body(self, request: Request) -> dict[str, object]:
        try:
            given = request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict):
            self.violations.append("a create whose body is no JSON object")
            return {}
        return given

    def _make(self, modality: str, given: dict[str, object], script: _Script | None) -> Task:
        plan = self._plan(script, modality)
        number = next(self._numbers)
        # Both shapes of id that the documentation shows; a client must treat it as opaque, and encode it.
        task_id = str(uuid.uuid4()) if number % 2 else f"aurora_{number}/x y&z={uuid.uuid4().hex[:8]}"
        task = Task(task_id, modality, str(given["model"]), given, plan, list(plan.answers))
        self.tasks[task_id] = task
        return task

    def _plan(self, script: _Script | None, modality: str) -> Plan:
        if script is None or not script.plans:
            if modality == "image":
                return self.pictures(self.cdn.image())
            return Plan((stands("Processing"), stands("Success", file_url=self.cdn.video())))
        return script.plans.pop(0) if len(script.plans) > 1 else script.plans[0]

    def _query(self, request: Request, modality: str) -> Reply:
        wanted = request.query.get("task_id", [])
        if len(wanted) != 1 or not wanted[0]:
            self.violations.append(f"a query for {wanted}")
            return refused(400, "task_id is required", status=400, name="message")
        with self._lock:
            task = self.tasks.get(wanted[0])
            if task is None or task.modality != modality:
                self.violations.append(f"a query for a {modality} task {wanted[0]} that is none")
                return refused(404, "task not found", status=404, name="message")
            task.queries.append(request.at)
            if len(task.queries) > MOST_QUERIES[modality]:
                self.violations.append(f"{wanted[0]} was queried more often than the schedule allows")
            answer = task.answers.pop(0) if len(task.answers) > 1 else task.answers[0]
        return answer(task)


_JSON = {"Content-Type": "application/json"}


def _created(task: Task) -> Reply:
    order = "019da9cf-d1db-78e1-ac23-526774d01193"
    data: dict[str, object] = {"task_id": task.task_id, "order_id": order, "status": "processing"}
    if task.plan.price is not None:
        data["price"] = "@price@"
    text = json.dumps(envelope(task.plan, data, at_create=True))
    # The price goes out as the very digits of the script: a float would round them here.
    return Reply(200, text.replace('"@price@"', task.plan.price or "").encode(), _JSON)


def _prompt(body: bytes) -> object:
    try:
        given = json.loads(body)
    except ValueError:
        return None
    return given.get("prompt") if isinstance(given, dict) else None
