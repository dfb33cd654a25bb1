"""The engine on a real database, with scripted providers, a queue in memory and a manual clock."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from domain.generation import JobRequest
from domain.lifecycle import JobStatus
from domain.routing import Availability
from providers.base import Accepted
from services import due, looking, reconcile
from services.batches.expanding import expand
from services.collect import collect
from services.deliver import deliver
from services.runtime import Runtime
from services.sights import open_of
from services.submit import submit
from storage import agenda, jobs, ledger
from storage.queue import COLLECT, DELIVER, READ, SUBMIT, Note
from storage.records import (
    AgendaRecord,
    AssetRecord,
    AttemptRecord,
    DeliveryRecord,
    DeliveryTryRecord,
    EventRecord,
    JobEventRecord,
    JobRecord,
    LedgerEntryRecord,
)
from storage.steps.looking import open_rows
from tests.support.front import new_project, running_parts
from tests.support.rows import NOON
from tests.support.scripted import ScriptedProvider, ScriptedQueue
from tests.support.taking import accept

WATCHER: Final = "watcher:test"
WORKER: Final = "worker:test"

# Two offers for each kind, LinkModel's the cheaper and so the first.
_CATALOGUE: Final = """
[models.pair]
kind = "image"
[[models.pair.offers]]
provider = "linkmodel"
endpoint = "pair-a"
price = { unit = "image", usd = "0.02", since = 2026-11-22, source = "made up" }
defaults = { count = 1 }
accepts = ["prompt", "count", "seed"]
[[models.pair.offers]]
provider = "fal"
endpoint = "test/pair/b"
price = { unit = "image", usd = "0.03", since = 2026-11-22, source = "made up" }
defaults = { count = 1 }
accepts = ["prompt", "count"]

[models.film]
kind = "video"
[[models.film.offers]]
provider = "fal"
endpoint = "test/film"
accepts = ["prompt"]

[models.nothing]
kind = "image"
"""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Engine:
    """Everything that a test of the engine needs, with shorthands for what such tests do and read."""

    runtime: Runtime
    project_id: UUID
    clock: ManualClock
    linkmodel: ScriptedProvider
    fal: ScriptedProvider
    queue: ScriptedQueue

    def accept(self, model: str = "pair", prompt: str = "a red kite", **fields: Any) -> UUID:  # noqa: ANN401
        """A new job."""
        body = {"model": model, "input": {"prompt": prompt}, **fields}
        request = JobRequest.model_validate(body)
        return accept(self.runtime, project_id=self.project_id, request=request).job_id

    def submit(self, job_id: UUID, *, owner: str = WORKER) -> None:
        """Run the submit task."""
        submit(self.runtime, [job_id], owner=owner)

    def collect(self, job_id: UUID, *, owner: str = WORKER) -> None:
        """Run the collect task."""
        collect(self.runtime, [job_id], owner=owner)

    def running(self, model: str = "pair", **fields: Any) -> UUID:  # noqa: ANN401
        """A job that its first offer has taken."""
        job_id = self.accept(model, **fields)
        self.submit(job_id)
        assert self.job(job_id).status == JobStatus.RUNNING
        return job_id

    def sees(self, job_id: UUID, *results: looking.Result, after: float = 1.0) -> None:
        """Each result is what a look brings, ``after`` seconds one after the other; files are due at once."""
        for result in results:
            self.clock.advance(after)
            finished = looking.record(self.runtime, [self.look(job_id, result)], owner=WATCHER)
            with self.runtime.database.work() as session:
                agenda.reschedule(session, [(one, self.clock()) for one in finished], owner=WATCHER)

    def look(self, job_id: UUID, result: looking.Result) -> looking.Look:
        """A look that has brought ``result`` just now."""
        [one] = self.open_requests(job_id)
        return looking.Look(one, result, self.clock())

    def open_requests(self, *job_ids: UUID) -> list[looking.Open]:
        """What is to be asked about jobs, due or not."""
        with self.runtime.database.work() as session:
            return [open_of(row) for row in open_rows(session, job_ids)]

    def claim(self) -> due.Claimed:
        """What is due now."""
        return due.claim(
            self.runtime, owner=WATCHER, looks=dict.fromkeys(self.runtime.providers, 100), notes=100
        )

    def work(self, *, rounds: int = 10) -> None:
        """Let out and do all work that is due, as watcher and workers would, until there is none."""
        for _ in range(rounds):
            claimed = self.claim()
            reconcile.settle(self.runtime, claimed.lost)
            if not claimed.notes:
                return
            for note in claimed.notes:
                run(self.runtime, note)
        raise AssertionError(f"there is still work after {rounds} rounds")

    def job(self, job_id: UUID) -> JobRecord:
        """The job as it stands."""
        with self.runtime.database.work() as session:
            found = jobs.job(session, job_id)
        assert found is not None
        return found

    def attempts(self, job_id: UUID) -> Sequence[AttemptRecord]:
        """Its attempts."""
        with self.runtime.database.work() as session:
            return jobs.attempts_of(session, [job_id])

    def attempt(self, job_id: UUID) -> AttemptRecord:
        """Its newest attempt."""
        return self.attempts(job_id)[-1]

    def assets(self, job_id: UUID) -> Sequence[AssetRecord]:
        """Its files."""
        with self.runtime.database.work() as session:
            return jobs.assets_of(session, [job_id])

    def timeline(self, job_id: UUID) -> Sequence[JobEventRecord]:
        """Its events."""
        with self.runtime.database.work() as session:
            return jobs.timeline_of(session, job_id)

    def steps(self, job_id: UUID) -> list[str]:
        """The types of its events."""
        return [event.type for event in self.timeline(job_id)]

    def error(self, job_id: UUID) -> str | None:
        """The code of what went wrong with it."""
        error = self.job(job_id).error
        return None if error is None else str(error["code"])

    def bookings(self, job_id: UUID) -> list[tuple[str, int]]:
        """Its ledger entries."""
        found = select(LedgerEntryRecord).where(LedgerEntryRecord.job_id == job_id)
        with self.runtime.database.work() as session:
            entries = session.exec(found.order_by(col(LedgerEntryRecord.id))).all()
        return [(entry.kind, entry.nano) for entry in entries]

    def held_and_spent(self) -> tuple[int, int]:
        """What the project holds and has spent."""
        with self.runtime.database.work() as session:
            return ledger.held_and_spent(session, self.project_id)

    def agenda(self, job_id: UUID) -> AgendaRecord | None:
        """Its place on the agenda."""
        with self.runtime.database.work() as session:
            return session.get(AgendaRecord, job_id)

    def due_in(self, job_id: UUID) -> float | None:
        """Seconds until it is looked at again; None when it never is."""
        row = self.agenda(job_id)
        return None if row is None else (row.next_at - self.clock()).total_seconds()

    def told(self, job_id: UUID) -> Sequence[EventRecord]:
        """The events about it for customers."""
        found = select(EventRecord).where(EventRecord.job_id == job_id).order_by(col(EventRecord.id))
        with self.runtime.database.work() as session:
            return session.exec(found).all()

    def deliveries(self, job_id: UUID) -> Sequence[DeliveryRecord]:
        """Where these events go."""
        found = (
            select(DeliveryRecord)
            .join(EventRecord, col(EventRecord.id) == col(DeliveryRecord.event_id))
            .where(EventRecord.job_id == job_id)
        )
        with self.runtime.database.work() as session:
            return session.exec(found.order_by(col(DeliveryRecord.id))).all()

    def tries(self, delivery_id: UUID) -> Sequence[DeliveryTryRecord]:
        """Every try at telling."""
        found = select(DeliveryTryRecord).where(DeliveryTryRecord.delivery_id == delivery_id)
        with self.runtime.database.work() as session:
            return session.exec(found.order_by(col(DeliveryTryRecord.number))).all()


def run(runtime: Runtime, note: Note, *, owner: str = WORKER) -> None:
    """Do what a note asks for, as the Celery task of that name does."""
    if note.task == READ:
        for batch_id in note.ids:
            expand(runtime, batch_id, owner=owner)
    else:
        {SUBMIT: submit, COLLECT: collect, DELIVER: deliver}[note.task](runtime, note.ids, owner=owner)


def taken(**fields: Any) -> Accepted:  # noqa: ANN401
    """A provider's yes."""
    return Accepted(**({"request_id": "request-1"} | fields))


@contextmanager
def running_engine(database_url: str, folder: Path, **settings: Any) -> Iterator[Engine]:  # noqa: ANN401
    """An engine on the database at ``database_url``."""
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(_CATALOGUE)
    linkmodel, fal = ScriptedProvider("linkmodel"), ScriptedProvider("fal")
    clock, queue = ManualClock(), ScriptedQueue()
    with running_parts(database_url, folder, catalogue=catalogue, **settings) as parts:
        here = Availability(configured=True, sandbox=False)
        runtime = replace(
            parts,
            providers={"linkmodel": linkmodel, "fal": fal},
            available={"linkmodel": here, "fal": here},
            clock=clock,
            queue=queue,
        )
        project_id = new_project(runtime).id
        yield Engine(runtime, project_id, clock, linkmodel, fal, queue)
