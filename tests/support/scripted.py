"""A provider and a queue that do as the test says, and remember what was asked of them."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from outbound.wire import AsyncWire
from providers.base import (
    Accepted,
    CancelAnswer,
    Generating,
    Handle,
    Observation,
    PayloadErased,
    Sighting,
    Submission,
    UnitPrice,
)
from providers.sightings import NotSeen, Wanted
from storage.queue import Note, QueueUnavailable

Asked = TypeVar("Asked")
Said = TypeVar("Said")


class Script(Generic[Asked, Said]):
    """One kind of call: each answer is given once, the last one for ever; an exception is raised.

    A function is called with what was asked and gives the answer.
    """

    def __init__(self, answer: "Said | Exception | Callable[[Asked], Said]") -> None:
        self.asked: list[Asked] = []
        self._answers = deque([answer])
        self._lock = threading.Lock()

    def says(self, *answers: "Said | Exception | Callable[[Asked], Said]") -> None:
        """Answer with these from now on."""
        with self._lock:
            self._answers = deque(answers)

    def answer(self, asked: Asked) -> Said:
        """What the script says to this call."""
        with self._lock:
            self.asked.append(asked)
            said: Any = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        if isinstance(said, Exception):
            raise said
        result: Said = said(asked) if callable(said) else said
        return result


def _takes(submission: Submission) -> Accepted:
    return Accepted(request_id=f"request-{submission.token}")


def _sees_none(wanted: Sequence[Wanted]) -> Mapping[str, Sighting]:
    return {one.marker: NotSeen(whole=True) for one in wanted}


@dataclass
class ScriptedProvider:
    """A provider by script: takes everything, is always at work, and can cancel nothing."""

    name: str
    marker_field: str | None = None
    paced: bool = True
    arguments_script: Script[GenerationInput, dict[str, Any]] = field(
        default_factory=lambda: Script(lambda given: given.given())
    )
    prices: Script[str, UnitPrice | None] = field(default_factory=lambda: Script(None))
    submits: Script[Submission, Accepted] = field(
        default_factory=lambda: Script[Submission, Accepted](_takes)
    )
    looks: Script[Handle, Observation] = field(default_factory=lambda: Script(Generating()))
    cancels: Script[Handle, CancelAnswer] = field(
        default_factory=lambda: Script(CancelAnswer("impossible", "it cannot be canceled here"))
    )
    intervals: Script[tuple[Kind, float], float | None] = field(default_factory=lambda: Script(2.0))
    searches: Script[Sequence[Wanted], Mapping[str, Sighting]] = field(
        default_factory=lambda: Script[Sequence[Wanted], Mapping[str, Sighting]](_sees_none)
    )

    erasures: Script[str, PayloadErased] = field(default_factory=lambda: Script(PayloadErased(files=1)))

    def arguments(self, offer: Offer, given: GenerationInput) -> dict[str, Any]:
        """The fields of the input as they are; ``offer`` does not matter."""
        del offer
        return self.arguments_script.answer(given)

    def unit_price(self, endpoint: str) -> UnitPrice | None:
        """The price by script."""
        return self.prices.answer(endpoint)

    def submit(self, submission: Submission) -> Accepted:
        """The submit by script."""
        return self.submits.answer(submission)

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        """The look by script; nothing goes over ``wire``."""
        del wire
        return self.looks.answer(handle)

    def cancel(self, handle: Handle) -> CancelAnswer:
        """The cancel by script."""
        return self.cancels.answer(handle)

    def next_look(self, kind: Kind, age: float) -> float | None:
        """The schedule by script."""
        return self.intervals.answer((kind, age))

    def search(self, endpoint: str, wanted: Sequence[Wanted], now: datetime) -> Mapping[str, Sighting]:
        """The list by script; none of the endpoint's requests are on it."""
        del endpoint, now
        return self.searches.answer(wanted)

    def erase(self, request_id: str) -> PayloadErased:
        """The erasure by script."""
        return self.erasures.answer(request_id)


class ScriptedQueue:
    """A queue that keeps what is published; with ``away`` set it takes nothing."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self._notes: list[Note] = []
        self._lock = threading.Lock()

    def publish(self, notes: Sequence[Note]) -> None:
        """Keep every note, or say that the broker is away."""
        with self._lock:
            self.tries += 1
            if self.away:
                raise QueueUnavailable("the broker did not take the notes: away by script")
            self._notes.extend(notes)

    def take(self) -> list[Note]:
        """What was published since the last call."""
        with self._lock:
            taken, self._notes = self._notes, []
        return taken
