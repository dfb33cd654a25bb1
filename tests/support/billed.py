"""The engine against the whole sandbox on one manual clock: jobs are run to their ends, and then billed."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, true
from sqlmodel import col, func, select

from domain.generation import JobRequest
from domain.lifecycle import ENDED
from domain.routing import Availability
from outbound.many import PooledWire
from providers.fal import FalProvider
from providers.linkmodel import LinkModelProvider
from sandbox.config import Config
from sandbox.testing import SandboxServer
from services import due, looking, reconcile
from services.asking import ask
from services.costs import differences, reconciling, rollup
from services.reading import Slice
from services.runtime import Runtime
from storage import agenda, jobs
from storage.costs.differences import Wanted
from storage.records import AttemptRecord, InvoiceRecord, JobRecord, LedgerEntryRecord
from tests.support.engine import WATCHER, run
from tests.support.front import new_project, running_parts
from tests.support.taking import accept

FLUX = "flux-schnell"
ENDPOINT = "fal-ai/flux/schnell"
DAY = 86_400.0


@dataclass(frozen=True)
class Billed:
    """A project whose jobs run at the sandbox, and what is read of them."""

    runtime: Runtime
    sandbox: SandboxServer
    project_id: UUID

    def accept(self, prompt: str = "a kite", model: str = FLUX, provider: str = "fal", **more: Any) -> UUID:  # noqa: ANN401
        """A new job."""
        given = {"prompt": prompt, **more.pop("input", {})}
        routing = {"provider": provider, **more.pop("routing", {})}
        request = JobRequest.model_validate({"model": model, "input": given, "routing": routing, **more})
        return accept(self.runtime, project_id=self.project_id, request=request).job_id

    def ended(self, *prompts: str, **more: Any) -> list[UUID]:  # noqa: ANN401
        """Jobs with these prompts, at their ends."""
        ids = [self.accept(prompt, **more) for prompt in prompts]
        self.work()
        return ids

    def turn(self, seconds: float = 1.0) -> None:
        """What watcher and workers do in so many seconds of the clock."""
        self.sandbox.advance(seconds)
        looks = dict.fromkeys(self.runtime.providers, 500)
        claimed = due.claim(self.runtime, owner=WATCHER, looks=looks, notes=500)
        reconcile.settle(self.runtime, claimed.lost)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda note: run(self.runtime, note), claimed.notes))
        looked = asyncio.run(self._look(claimed.open))
        finished = looking.record(self.runtime, looked, owner=WATCHER)
        with self.runtime.database.work() as session:
            now = self.runtime.clock()
            agenda.reschedule(session, [(one, now) for one in finished], owner=WATCHER)

    def work(self, turns: int = 200, *, seconds: float = 1.0) -> None:
        """Let time pass, so many seconds at a time, until every job has ended."""
        for _ in range(turns):
            if not self._open():
                return
            self.turn(seconds)
        raise AssertionError(f"{self._open()} jobs are still open after {turns} turns")

    def reconcile(self, *, after: float = 120.0) -> None:
        """Let time pass, and ask what was billed."""
        self.sandbox.advance(after)
        rollup.sweep(self.runtime)
        reconciling.sweep(self.runtime)

    def job(self, job_id: UUID) -> JobRecord:
        """The job as it stands."""
        with self.runtime.database.work() as session:
            found = jobs.job(session, job_id)
        assert found is not None
        return found

    def attempts(self, *job_ids: UUID) -> Sequence[AttemptRecord]:
        """The attempts of jobs, in order."""
        with self.runtime.database.work() as session:
            return jobs.attempts_of(session, list(job_ids))

    def bookings(self, job_id: UUID) -> list[tuple[str, int]]:
        """Its ledger entries."""
        found = select(LedgerEntryRecord).where(LedgerEntryRecord.job_id == job_id)
        with self.runtime.database.work() as session:
            entries = session.exec(found.order_by(col(LedgerEntryRecord.id))).all()
        return [(entry.kind, entry.nano) for entry in entries]

    def differences(self, *, limit: int = 200, **wanted: datetime) -> list[dict[str, Any]]:
        """What is listed as billed otherwise, or not known."""
        found = differences.listed(self.runtime, self.project_id, Wanted(**wanted), Slice(limit))
        data: list[dict[str, Any]] = found["data"]
        return data

    def invoiced(self, attempt: AttemptRecord) -> int:
        """What the sandbox charges for an attempt."""
        nano: int = self.sandbox.invoice()[str(attempt.provider_request_id)]["nano_usd"]
        return nano

    def waiting(self) -> int:
        """How many attempts are still to be asked about."""
        return self._counted(col(InvoiceRecord.next_at).is_not(None))

    def kept(self) -> int:
        """How many have something left to tell, or to be asked about."""
        return self._counted(true())

    def _counted(self, which: ColumnElement[bool]) -> int:
        with self.runtime.database.work() as session:
            return session.exec(select(func.count()).select_from(InvoiceRecord).where(which)).one()

    def _open(self) -> int:
        ended = [status.value for status in ENDED]
        with self.runtime.database.work() as session:
            found = select(func.count()).select_from(JobRecord).where(col(JobRecord.status).not_in(ended))
            return int(session.exec(found).one())

    async def _look(self, ones: Sequence[looking.Open]) -> list[looking.Look]:
        async with PooledWire() as wire:
            found = await asyncio.gather(*(ask(self.runtime, one, wire) for one in ones))
        return [look for look in found if look is not None]


@contextmanager
def billed(url: str, folder: Path, **settings: Any) -> Iterator[Billed]:  # noqa: ANN401
    """Darkroom on the database at ``url`` with an admin key at fal; ``settings`` are the sandbox's."""
    config = Config(**({"manual_clock": True} | settings))
    with (
        SandboxServer(config) as sandbox,
        running_parts(url, folder) as parts,
    ):
        clock = sandbox.app.sandbox.core.clock.now
        fal = FalProvider(
            "sandbox-fal",
            sandbox.fal_queue_url,
            sandbox.fal_platform_url,
            admin_key="sandbox-admin-fal",
            clock=clock,
        )
        linkmodel = LinkModelProvider("sandbox-linkmodel", sandbox.linkmodel_url)
        here = Availability(configured=True, sandbox=True)
        runtime = replace(
            parts,
            providers={"fal": fal, "linkmodel": linkmodel},
            available={"fal": here, "linkmodel": here},
            clock=clock,
        )
        yield Billed(runtime, sandbox, new_project(runtime).id)
