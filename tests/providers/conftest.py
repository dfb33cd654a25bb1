"""The providers under contract, each with what its own wire format says in the same situations."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Provider
from providers.fal import FalProvider
from providers.linkmodel import LinkModelProvider

KEY = "key-0123456789abcdef-very-secret"
REQUEST_ID = "764cabcf-b745-4b3e-ae38-1200304cf45b"
PNG = "https://media.example.com/out.png"


@dataclass(frozen=True)
class Answer:
    """What the server says to one request; ``drop`` hangs up without a word."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass(frozen=True)
class Heard:
    """One request as the server got it; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    request_queue_size = 64


class Script:
    """A server that answers one request after the other from a list, the last answer for ever."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.heard: list[Heard] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def says(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self, heard: Heard) -> Answer:
        self.heard.append(heard)
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = script.next(Heard(self.command, self.path, headers, body))
                if said.drop:
                    return
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that the base class looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
                """Keep the test's output clean."""

        return Handler


def says(body: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


@dataclass(frozen=True)
class Harness:
    """One provider with the answers that its wire format has for the same situations.

    ``make`` and ``accepts`` take the server's address; ``unsupported`` is an input that ``offer`` cannot
    honour, by field; ``cancel`` pairs each effect with the answer that stands for it.
    """

    name: str
    make: Callable[[str], Provider]
    offer: Offer
    authorization: str
    accepts: Callable[[str], Answer]
    bad_key: Answer
    refused: Answer
    queued: tuple[Answer, ...]
    generating: tuple[Answer, ...]
    finished: tuple[Answer, ...]
    failed: tuple[Answer, ...]
    missing: Answer
    strange_status: Answer
    unsupported: Mapping[str, Any]
    cancel: Mapping[str, Answer]


def task(status: str, **data: object) -> Answer:
    return says({"code": 0, "message": "ok", "data": {"status": status, **data}, "request_id": "r"})


LINKMODEL = Harness(
    name="linkmodel",
    make=lambda url: LinkModelProvider(KEY, f"{url}/linkmodel/api/v1"),
    offer=Offer("seedream-4.0", Kind.IMAGE, "linkmodel", "seedream-4.0"),
    authorization=f"Bearer {KEY}",
    accepts=lambda _url: says(
        {"code": 0, "msg": "success", "data": {"task_id": REQUEST_ID, "status": "processing", "price": 0.02}}
    ),
    bad_key=says({"code": 401, "msg": "Invalid API key", "request_id": "r"}, 401),
    refused=says({"code": 400, "msg": "prompt is required", "request_id": "r"}, 400),
    queued=(task("Pending"),),
    generating=(task("Processing"),),
    finished=(task("Success", output_images=[PNG]),),
    failed=(task("Failed", msg="content policy blocked the task"),),
    missing=says({"code": 404, "message": "task not found"}, 404),
    strange_status=task("Exploded"),
    unsupported={"duration": 5},
    cancel={"impossible": Answer(500)},
)


def fal_accepts(url: str) -> Answer:
    request = f"{url}/fal/queue/fal-ai/flux/requests/{REQUEST_ID}"
    return says(
        {
            "status": "IN_QUEUE",
            "request_id": REQUEST_ID,
            "queue_position": 0,
            "response_url": request,
            "status_url": f"{request}/status",
            "cancel_url": f"{request}/cancel",
        }
    )


FAL_BLOCKED = {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]}

FAL = Harness(
    name="fal",
    make=lambda url: FalProvider(key=KEY, queue_url=f"{url}/fal/queue", platform_url=f"{url}/fal/platform"),
    offer=Offer("flux-dev", Kind.IMAGE, "fal", "fal-ai/flux/dev"),
    authorization=f"Key {KEY}",
    accepts=fal_accepts,
    bad_key=says({"detail": "invalid key credentials"}, 401),
    refused=says({"detail": "bad", "error_type": "bad_request"}, 400),
    queued=(says({"status": "IN_QUEUE", "queue_position": 2}, 202),),
    generating=(says({"status": "IN_PROGRESS", "logs": None}, 202),),
    finished=(says({"status": "COMPLETED", "logs": None, "metrics": {}}), says({"images": [{"url": PNG}]})),
    failed=(
        says({"status": "COMPLETED", "logs": None, "metrics": {}}),
        says(FAL_BLOCKED, 422, **{"x-fal-request-id": REQUEST_ID}),
    ),
    missing=says({"status": "NOT_FOUND"}, 404),
    strange_status=says({"status": "EXPLODED"}),
    unsupported={"duration": 5},
    cancel={
        "removed": says({"status": "OK"}),
        "requested": says({"status": "CANCELLATION_REQUESTED"}, 202),
        "too_late": says({"status": "ALREADY_COMPLETED"}, 400),
    },
)

HARNESSES = {harness.name: harness for harness in (LINKMODEL, FAL)}


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
def harness(request: pytest.FixtureRequest) -> Harness:
    chosen: Harness = request.param
    return chosen


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    yield server
    server.close()
