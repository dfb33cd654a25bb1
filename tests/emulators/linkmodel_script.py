"""How one task of the LinkModel emulator goes: what its create and its queries answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.emulators.wire import Reply, json_reply

REQUEST_ID = "250b66dd-e1fb-4bb6-b5f6-c668efadc35d"


@dataclass(slots=True)
class Task:
    """One created task."""

    task_id: str
    modality: str
    model: str
    input: dict[str, object]
    plan: "Plan"
    answers: list["Answer"]
    queries: list[float] = field(default_factory=list)


Answer = Callable[[Task], Reply]


@dataclass(frozen=True, slots=True)
class Plan:
    """One task: its queries in order, the last for ever.

    ``price`` is the JSON text of what create says (None: says nothing); ``charged`` is what is billed in the
    end, in dollars. ``text`` names the envelope's message field at create and at query.
    """

    answers: tuple[Answer, ...]
    price: str | None = "0.074"
    charged: str = "0.074"
    text: tuple[str, str] = ("msg", "message")
    id_field: str = "request_id"


def envelope(plan: Plan, data: object, *, at_create: bool = False) -> dict[str, object]:
    """A successful answer around ``data``."""
    return {"code": 0, "data": data, plan.text[0 if at_create else 1]: "success", plan.id_field: REQUEST_ID}


def stands(status: str, **data: object) -> Answer:
    """A task that stands at ``status``, with the fields that come with it."""
    return lambda task: json_reply(
        200,
        envelope(
            task.plan,
            {
                "task_id": task.task_id,
                "prompt": "...",
                "status": status,
                "model": task.model,
                "metadata": "",
                **data,
            },
        ),
    )


def refused(code: object, text: str, *, status: int = 200, name: str = "msg", **headers: str) -> Reply:
    """An error in the envelope; with ``status`` 200 it is said in band only."""
    body = {"code": code, name: text, "request_id": REQUEST_ID}
    return json_reply(status, body, {key.replace("_", "-"): value for key, value in headers.items()})


def raw(reply: Reply) -> Answer:
    """An answer whatever the task."""
    return lambda _: reply
