"""What came of tries at telling customers, written down many at a time."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from domain.callbacks import (
    TEST,
    Delivered,
    GivenUp,
    Host,
    HostState,
    TryAgain,
    after_try,
    host_after,
    is_away,
)
from outbound.callbacks import Answer
from services import judging
from services.isolation import unspoiled
from services.runtime import Runtime
from storage import agenda
from storage.database import Session
from storage.steps import telling
from storage.steps.telling import Heard, Telling, Told

_MOST: Final = 64
# So long what came of one try waits for what comes of others.
_GATHER_SECONDS: Final = 0.03

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tried:
    """A delivery that was tried, and what came back."""

    taken: Telling
    answer: Answer


@dataclass(frozen=True, slots=True)
class Given:
    """A delivery that ``owner`` took and could not try: its host had no turn for it."""

    delivery_id: UUID
    owner: str


class TryBook:
    """Writes down what it is handed, soon and many at a time, beside whoever hands it in."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handed: SimpleQueue[Tried | Given | None] = SimpleQueue()
        self._thread = Thread(target=self._write_all, name="tried", daemon=True)
        self._thread.start()

    def add(self, one: Tried | Given) -> None:
        """Have it written down; returns at once."""
        self._handed.put(one)

    def close(self, seconds: float | None) -> None:
        """Wait until all that was handed in is written, for so many ``seconds`` at most."""
        self._handed.put(None)
        self._thread.join(seconds)

    def _write_all(self) -> None:
        open_ = True
        with ThreadPoolExecutor(1, "tried") as writer:
            while open_:
                some = self._gather()
                open_ = None not in some
                error = writer.submit(self._write, some).exception()
                if error is not None:
                    # They come due again when their leases run out, and are tried once more.
                    log.error("tries_not_written", count=len(some), exc_info=error)

    def _write(self, some: Sequence[Tried | Given | None]) -> None:
        write(self._runtime, [one for one in some if isinstance(one, Tried)])
        give_back(self._runtime, [one for one in some if isinstance(one, Given)])

    def _gather(self) -> list[Tried | Given | None]:
        some = [self._handed.get()]
        end = monotonic() + _GATHER_SECONDS
        while len(some) < _MOST and some[-1] is not None:
            try:
                some.append(self._handed.get(timeout=max(end - monotonic(), 0.0)))
            except Empty:
                break
        return some


def write(runtime: Runtime, tried: Sequence[Tried]) -> None:
    """Write tries down with what follows from them; one that cannot be written holds up no other."""
    if tried:
        unspoiled(
            lambda some: runtime.database.insist(lambda session: _record(runtime, session, some)),
            tried,
            lambda one, fault: log.error("try_not_written", delivery=str(one.taken.id), fault=fault),
        )


def give_back(runtime: Runtime, given: Sequence[Given]) -> None:
    """Have deliveries that could not be tried be due again."""
    owners: dict[str, list[UUID]] = defaultdict(list)
    for one in given:
        owners[one.owner].append(one.delivery_id)
    for owner, ids in owners.items():
        with runtime.database.work() as session:
            telling.give_back(session, ids, owner=owner, at=runtime.clock())


def _record(runtime: Runtime, session: Session, tried: Sequence[Tried]) -> None:
    """Jobs are locked first, endpoints before deliveries, as where an endpoint is changed, and hosts last."""
    at = runtime.clock()
    job_ids = {one.taken.job_id for one in tried if one.taken.job_id is not None and one.answer.ok}
    telling.hold_jobs(session, sorted(job_ids))
    failing = judging.hold(session, [(one.taken, one.answer) for one in tried])
    before = telling.tries(session, [one.taken.id for one in tried])
    told = [_told(one, *before[one.taken.id], at) for one in tried if one.taken.id in before]
    if told:
        telling.record(session, told)
    judging.judge(session, failing, at)
    _hear(session, tried, at)


def _told(one: Tried, tries: int, number: int, at: datetime) -> Told:
    answer = one.answer
    status, next_at = _follows(answer, one.taken.type, tries=tries + 1, at=at)
    return Told(
        delivery_id=one.taken.id,
        number=number + 1,
        tries=tries + 1,
        at=at,
        status_code=answer.status,
        milliseconds=round(answer.seconds * 1000),
        answer=answer.excerpt,
        error=answer.error,
        status=status,
        next_at=next_at,
        job_id=one.taken.job_id,
        event_type=one.taken.type,
    )


def _follows(answer: Answer, type_: str, *, tries: int, at: datetime) -> tuple[str, datetime | None]:
    """The state of a delivery after ``tries``, and when it is tried again; a test is tried once."""
    if type_ == TEST and not answer.ok:
        return "failed", None
    chance = secrets.randbelow(1000) / 1000
    match after_try(
        tries=tries, ok=answer.ok, status=answer.status, retry_after=answer.retry_after, chance=chance
    ):
        case Delivered():
            return "delivered", None
        case GivenUp():
            return "failed", None
        case TryAgain(seconds):
            return "pending", at + timedelta(seconds=seconds)


def _hear(session: Session, tried: Sequence[Tried], at: datetime) -> None:
    """Keep in mind how hosts do; writes nothing of those that answer as before."""
    away: dict[str, list[bool]] = defaultdict(list)
    for one in tried:
        away[one.taken.host].append(is_away(one.answer.status))
    failing = [host for host, tries in away.items() if all(tries)]
    known = telling.hosts(session, list(away), failing)
    if not known:
        return
    heard = [_heard(host, before, away[host], at) for host, before in known.items()]
    telling.hear(session, heard, at)
    if any(one.state == HostState.GOOD for one in heard):
        # What waited for it can go.
        agenda.wake(session)


def _heard(host: str, before: Host, away: Sequence[bool], at: datetime) -> Heard:
    after = host_after(before, answered=not all(away), away=sum(away))
    return Heard(host, after.state, after.failures, len(away), at + timedelta(seconds=after.pause))
