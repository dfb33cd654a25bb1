"""The agenda: leases that keep workers apart, run out by themselves, and are lost to nobody's late word."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import Session

from domain.lanes import Lane
from domain.lifecycle import JobStatus
from storage import agenda, claims
from storage.claims import Lease
from storage.records import AgendaRecord
from tests.support.engine import Engine
from tests.support.rows import NOON, a_job, keep

LANE = Lane("linkmodel", "kling-v3")
LEASE = timedelta(seconds=20)
WORKER, OTHER, WATCHER = "worker:1", "worker:2", "watcher:1"


def waiting(engine: Engine, *, in_seconds: float = 0.0, status: JobStatus = JobStatus.QUEUED) -> UUID:
    job = a_job(project_id=engine.project_id, status=status)
    keep(engine.runtime, job)
    with engine.runtime.database.work() as session:
        agenda.schedule(session, job, NOON + timedelta(seconds=in_seconds))
    return job.id


def row(engine: Engine, job_id: UUID) -> AgendaRecord:
    found = engine.agenda(job_id)
    assert found is not None
    return found


def take(engine: Engine, job_id: UUID, owner: str, after: float = 0.0) -> bool:
    now = NOON + timedelta(seconds=after)
    with engine.runtime.database.work() as session:
        return agenda.take(session, job_id, owner=owner, now=now, lease=LEASE)


def claim(engine: Engine, after: float = 0.0, most: int = 10, owner: str = WATCHER) -> list[UUID]:
    now = NOON + timedelta(seconds=after)
    with engine.runtime.database.work() as session:
        due = claims.let_out(session, LANE, Lease(owner, now, LEASE.total_seconds()), most=most, rows=most)
    return [one.job_id for one in due]


def test_what_is_due_is_taken_once_until_its_lease_runs_out(engine: Engine) -> None:
    job_id = waiting(engine)
    assert take(engine, job_id, WORKER)
    assert not take(engine, job_id, OTHER, after=19.9)
    assert take(engine, job_id, OTHER, after=20)


def test_who_holds_a_job_may_take_it_again(engine: Engine) -> None:
    job_id = waiting(engine)
    assert take(engine, job_id, WORKER)
    assert take(engine, job_id, WORKER, after=5)
    assert row(engine, job_id).next_at == NOON + timedelta(seconds=25)


def test_a_watchers_claim_does_not_keep_a_worker_out(engine: Engine) -> None:
    job_id = waiting(engine)
    assert claim(engine) == [job_id]
    assert take(engine, job_id, WORKER)
    assert row(engine, job_id).owner == WORKER


def test_what_is_not_due_is_not_taken(engine: Engine) -> None:
    job_id = waiting(engine, in_seconds=5)
    assert not take(engine, job_id, WORKER)
    assert row(engine, job_id).owner is None


def test_what_has_no_place_on_the_agenda_is_not_taken(engine: Engine) -> None:
    job_id = waiting(engine)
    with engine.runtime.database.work() as session:
        agenda.unschedule(session, job_id)
    assert not take(engine, job_id, WORKER)


def test_a_claim_takes_what_is_due_in_order_and_no_more_than_asked(engine: Engine) -> None:
    later, now, _ = waiting(engine, in_seconds=3), waiting(engine), waiting(engine, in_seconds=9)
    waiting(engine, status=JobStatus.RUNNING)
    assert claim(engine, after=5, most=1) == [now]
    assert claim(engine, after=5) == [later]
    assert claim(engine, after=5) == []


def test_a_claim_passes_over_rows_that_another_is_claiming(engine: Engine) -> None:
    first, second = waiting(engine), waiting(engine, in_seconds=1)
    with engine.runtime.database.work() as slow:
        lease = Lease(WATCHER, NOON + timedelta(seconds=2), LEASE.total_seconds())
        [mine] = claims.let_out(slow, LANE, lease, most=1, rows=1)
        assert claim(engine, after=2, owner="watcher:2") == [second]
    assert mine.job_id == first


def _renew(session: Session, job_id: UUID) -> None:
    agenda.renew(session, [job_id], owner=WORKER, until=NOON + timedelta(hours=1))


def _reschedule(session: Session, job_id: UUID) -> None:
    agenda.reschedule(session, [(job_id, NOON + timedelta(hours=1))], owner=WORKER)


@pytest.mark.parametrize("late_word", [_renew, _reschedule])
@pytest.mark.parametrize(("holder", "seconds"), [(WORKER, 3600), (OTHER, 20)])
def test_only_who_holds_a_job_moves_its_time(
    engine: Engine, late_word: Callable[[Session, UUID], None], holder: str, seconds: int
) -> None:
    job_id = waiting(engine)
    take(engine, job_id, holder)
    with engine.runtime.database.work() as session:
        late_word(session, job_id)
    assert row(engine, job_id).next_at == NOON + timedelta(seconds=seconds)


def test_scheduling_again_ends_every_lease(engine: Engine) -> None:
    job_id = waiting(engine)
    take(engine, job_id, WORKER)
    with engine.runtime.database.work() as session:
        agenda.schedule(session, engine.job(job_id), NOON + timedelta(seconds=2))
    assert (row(engine, job_id).owner, claim(engine, after=2)) == (None, [job_id])


def test_a_job_is_held_in_the_state_that_it_was_moved_to(engine: Engine) -> None:
    job_id = waiting(engine)
    job = engine.job(job_id)
    job.status = JobStatus.SUBMITTING
    with engine.runtime.database.work() as session:
        agenda.hold(session, job, owner=WORKER, until=NOON + LEASE)
    held = row(engine, job_id)
    assert (held.status, held.owner, held.next_at) == ("submitting", WORKER, NOON + LEASE)
