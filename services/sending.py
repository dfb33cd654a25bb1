"""Putting committed attempts on the wire side by side, one POST each, and keeping each answer as it comes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final
from uuid import UUID

import structlog

from domain.failures import ErrorCode, Failure
from providers.base import Accepted, NotAccepted, OutcomeUnknown
from services import outcomes
from services.intents import Begun
from services.isolation import unspoiled
from services.learning import Heard, learn
from services.lease import kept
from services.outcomes import Taken
from services.runtime import Runtime

# Longer than any call can take; what has not answered by then is left to its lease.
_PATIENCE_SECONDS: Final = 180.0
_AGAIN_SECONDS: Final = 1.0
_GOING_SECONDS: Final = 1.0
_UNSENT: Final = Failure(
    ErrorCode.PROVIDER_FAILED,
    "nothing was sent: the worker was stopped before that",
    busy=True,
    retryable=True,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Post:
    """One attempt's only POST; whoever gets its ``gate`` decides whether it goes out."""

    begun: Begun
    gate: Lock = field(default_factory=Lock)
    going: Event = field(default_factory=Event)

    def claim(self) -> bool:
        """True for the first who asks, and never again."""
        return self.gate.acquire(blocking=False)


_Answers = SimpleQueue[Heard]


def send(
    runtime: Runtime, begun: Sequence[Begun], *, owner: str, started: Callable[[], None] | None = None
) -> None:
    """Send each of the attempts that ``owner`` has begun once, and write down what came of it.

    ``started`` is told when all are on their way out.

    What was stopped before it could go out is put back, since it provably was not sent. An attempt whose
    call broke in a way that nobody foresaw stays as it is: its lease runs out, and then it is looked for.
    """
    posts = [_Post(one) for one in begun]
    answers: _Answers = SimpleQueue()
    heard: list[Heard] = []
    try:
        with kept(runtime, [one.job_id for one in begun], owner):
            _write(runtime, answers, heard, _start(posts, answers, started or _nobody))
    finally:
        for post in posts:
            if post.claim():
                _keep(runtime, Heard(post.begun, NotAccepted(_UNSENT, retry_after=_AGAIN_SECONDS)))
    learn(runtime, heard)
    for one in heard:
        if not isinstance(one.answer, Accepted | NotAccepted | OutcomeUnknown):
            raise one.answer


def _nobody() -> None:
    """Nobody wants to be told."""


def _start(posts: Sequence[_Post], answers: _Answers, started: Callable[[], None]) -> int:
    """Set every POST going, each in a thread of its own, so that none waits for another; answers how many."""
    if len(posts) == 1:
        started()
        _call(posts[0], answers)
        return 1
    for number, post in enumerate(posts):
        try:
            Thread(target=_call, args=(post, answers), daemon=True).start()
        except RuntimeError:
            # The system gives no more threads: the rest is put back.
            log.exception("threads_refused", started=number, wanted=len(posts))
            return number
    for post in posts:
        # A thread that has been started may still wait for its first turn.
        post.going.wait(_GOING_SECONDS)
    started()
    return len(posts)


def _call(post: _Post, answers: _Answers) -> None:
    if not post.claim():
        return
    post.going.set()
    begun = post.begun
    answer: Accepted | BaseException
    try:
        answer = begun.provider.submit(begun.submission)
    except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
        answer = error
    answers.put(Heard(begun, answer))


def _write(runtime: Runtime, answers: _Answers, heard: list[Heard], count: int) -> None:
    """Write down whatever answers have come, at once, until all have."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while len(heard) < count:
        try:
            come = [answers.get(timeout=max(0.0, end - time.monotonic()))]
        except Empty:
            log.exception("answers_missing", missing=count - len(heard))
            return
        while not answers.empty():
            come.append(answers.get())
        heard.extend(come)
        _keep_all(runtime, come)


def _keep_all(runtime: Runtime, come: Sequence[Heard]) -> None:
    """First what was taken, all at once; a fault with one answer must not lose the others."""
    taken = [
        Taken(one.begun.attempt_id, one.begun.lane, one.begun.submission.kind, one.answer)
        for one in come
        if isinstance(one.answer, Accepted)
    ]
    if taken:
        unspoiled(partial(outcomes.accepted, runtime), taken, lambda one, fault: _lost(one.attempt_id, fault))
    for one in come:
        _keep(runtime, one)


def _keep(runtime: Runtime, heard: Heard) -> None:
    """Write down a refusal or an unknown outcome."""
    attempt_id = heard.begun.attempt_id

    def step(_: Sequence[Heard]) -> None:
        if isinstance(heard.answer, NotAccepted):
            outcomes.refused(runtime, attempt_id, heard.answer)
        elif isinstance(heard.answer, OutcomeUnknown):
            outcomes.unknown(runtime, attempt_id, str(heard.answer))

    unspoiled(step, [heard], lambda _, fault: _lost(attempt_id, fault))


def _lost(attempt_id: UUID, fault: str) -> None:
    """The attempt stays on its way out; when its lease runs out it is looked for."""
    log.error("answer_not_kept", attempt_id=str(attempt_id), fault=fault)
