"""How one request to the fal emulator goes: what its submit, its polls and its result answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tests.emulators.wire import Reply, html_reply, json_reply


class Links(Enum):
    """Which of the addresses seen in the wild a submit answers with."""

    APP = "/{app}/requests/{id}"
    NESTED = "/{endpoint}/requests/{id}"
    SLASH = "/{app}/requests/{id}/"
    RESPONSE = "/{app}/requests/{id}/response"
    FOREIGN = "foreign"
    NONE = "none"


@dataclass(slots=True)
class Taken:
    """One accepted request, and where it stands."""

    request_id: str
    endpoint: str
    plan: "Plan"
    base: str
    input: dict[str, object]
    webhook: str | None
    steps: list["Answer"]
    results: list["Answer"]
    completed: bool = False
    canceled: bool = False
    started: bool = False
    gateway_id: str = ""

    @property
    def app(self) -> str:
        """``owner/app``, which is all that status and result addresses carry."""
        parts = self.endpoint.split("/")
        return "/".join(parts[: 3 if parts[0] in {"workflows", "comfy"} else 2])

    def links(self) -> dict[str, str]:
        """The three addresses, as this request's plan wants them."""
        if self.plan.links is Links.NONE:
            return {}
        base, pattern = self.base, self.plan.links.value
        if self.plan.links is Links.FOREIGN:
            base, pattern = self.plan.foreign, Links.APP.value
        path = base + pattern.format(app=self.app, endpoint=self.endpoint, id=self.request_id)
        stem = path.removesuffix("/response").removesuffix("/")
        slash = "/" if self.plan.links is Links.SLASH else ""
        return {
            "response_url": path,
            "status_url": f"{stem}/status{slash}",
            "cancel_url": f"{stem}/cancel{slash}",
        }


Answer = Callable[[Taken], Reply]


@dataclass(frozen=True, slots=True)
class Plan:
    """One accepted request: its polls in order, then its results in order (the last for ever).

    ``units`` is what fal bills; ``header`` how it says so (None: not at all); ``listed`` whether the list of
    requests shows it; ``running`` that it completes only when the test says so.
    """

    results: tuple[Answer, ...]
    steps: tuple[Answer, ...] = field(default_factory=lambda: (queued(0), running()))
    links: Links = Links.APP
    foreign: str = "http://127.0.0.1:9"
    units: str = "1"
    header: str | None = "1"
    completion: dict[str, object] = field(default_factory=dict)
    listed: bool = False
    open_ended: bool = False
    cancel_works: bool = True


def queued(position: int | None) -> Answer:
    """IN_QUEUE; a position of None leaves the field out."""
    body: dict[str, object] = {"status": "IN_QUEUE"}
    if position is not None:
        body["queue_position"] = position
    return state(202, body)


def running(*, logs: bool = True, again: bool = False) -> Answer:
    """IN_PROGRESS; ``again`` after the platform's own retry, with another gateway id."""

    def answer(taken: Taken) -> Reply:
        taken.started = True
        if again:
            taken.gateway_id = f"{taken.request_id[:-4]}beef"
        body: dict[str, object] = {"status": "IN_PROGRESS"}
        if logs:
            body["logs"] = [
                {
                    "message": "step 1",
                    "level": "INFO",
                    "source": "USER",
                    "timestamp": "2026-02-17T10:30:01.123Z",
                }
            ]
        return state(202, body)(taken)

    return answer


def state(status: int, body: dict[str, object]) -> Answer:
    """A status answer with the request's own id and addresses."""
    return lambda taken: json_reply(
        status,
        {**body, "request_id": taken.request_id, **taken.links()},
        {"x-fal-request-id": taken.request_id},
    )


def raw(reply: Reply) -> Answer:
    """An answer whatever the request."""
    return lambda _: reply


def output(value: object, status: int = 200, **headers: str) -> Answer:
    """The model's own answer, with the header that counts its units; a value may use names with ``_``."""

    def answer(taken: Taken) -> Reply:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        sent["x-fal-request-id"] = taken.gateway_id or taken.request_id
        if taken.plan.header is not None:
            sent["x-fal-billable-units"] = taken.plan.header
        return json_reply(status, value, sent)

    return answer


def platform_error(status: int, error_type: str, text: str, **headers: str) -> Answer:
    """The platform's own error: flat, and named in a header too."""
    body = {"detail": text, "error_type": error_type}
    return output(body, status, X_Fal_Error_Type=error_type, **headers)


def model_error(kind: str, *, status: int = 422, field_name: str = "prompt", **headers: str) -> Answer:
    """A model's error: a list with one entry."""
    entry = {
        "loc": ["body", field_name],
        "msg": f"the {field_name} was refused",
        "type": kind,
        "url": f"https://docs.fal.ai/errors/#{kind}",
        "input": "...",
    }
    return output({"detail": [entry]}, status, **headers)


def nginx(status: int = 502) -> Reply:
    """An ingress that could not reach anything: no request id, and its name in the page."""
    text = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}[
        status
    ]
    reply = html_reply(status, text)
    return Reply(status, reply.body + b"<hr><center>nginx</center>", reply.headers)


def platform_503() -> Reply:
    """The platform without a runner to give: with a request id, so its own word."""
    return json_reply(
        503,
        {"detail": "no runner could be scheduled", "error_type": "runner_scheduling_failure"},
        {
            "x-fal-request-id": "0f0f0f0f-0000-4000-8000-000000000000",
            "X-Fal-Error-Type": "runner_scheduling_failure",
        },
    )


def too_many(seconds: int = 1) -> Reply:
    """Throttled, with a word on when to come again."""
    return json_reply(429, {"detail": "Too many requests"}, {"Retry-After": str(seconds)})


def half_json() -> Reply:
    """A JSON document that stops in the middle, in an otherwise sound answer."""
    return Reply(200, b'{"status": "COMPL', {"Content-Type": "application/json"})
