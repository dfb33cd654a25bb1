"""Rows let out by turns: behind single jobs, fairly between projects, within limits and budgets; the end."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain.batches import BatchState, Counts
from domain.costs import Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lifecycle import JobStatus
from providers.base import Ended
from providers.catalogue import Catalogue
from services import again, cancel
from services.batches import completing
from services.batches.expanding import expand
from services.batches.feeding import MOST
from storage.batches import states, tallies
from storage.queue import SUBMIT
from storage.records import AgendaRecord, BatchRecord, DeliveryRecord, EventRecord, JobRecord
from tests.support.engine import WORKER, Engine, run
from tests.support.front import new_project
from tests.support.sheets import upload

PINNED = {"model": "pair", "routing": {"provider": "linkmodel"}}


def batch_of_rows(engine: Engine, rows: int, **fields: Any) -> UUID:  # noqa: ANN401 - columns
    """A batch whose rows are read and wait."""
    sheet = "prompt\n" + "".join(f"kite {n}\n" for n in range(rows))
    batch_id = upload(engine, sheet, **({"defaults": PINNED} | fields))
    expand(engine.runtime, batch_id, owner=WORKER)
    return batch_id


def batch(engine: Engine, batch_id: UUID) -> BatchRecord:
    with engine.runtime.database.work() as session:
        found = session.get(BatchRecord, batch_id)
    assert found is not None
    return found


def counts(engine: Engine, batch_id: UUID) -> Counts:
    with engine.runtime.database.work() as session:
        return tallies.counts(session, [batch_id])[batch_id]


def out_of(engine: Engine, batch_id: UUID) -> list[int]:
    """The rows of a batch that are out, by their numbers."""
    found = (
        select(JobRecord.row_number)
        .join(AgendaRecord, col(AgendaRecord.job_id) == col(JobRecord.id))
        .where(JobRecord.batch_id == batch_id)
    )
    with engine.runtime.database.work() as session:
        return sorted(number for number in session.exec(found) if number is not None)


def told(engine: Engine, batch_id: UUID) -> list[str]:
    found = select(EventRecord.type).where(EventRecord.batch_id == batch_id).order_by(col(EventRecord.id))
    with engine.runtime.database.work() as session:
        return list(session.exec(found))


def finish(engine: Engine, job_id: UUID) -> None:
    """Have a job end that was not sent."""
    cancel.cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)


def jobs_of(engine: Engine, batch_id: UUID) -> list[UUID]:
    found = select(JobRecord.id).where(JobRecord.batch_id == batch_id).order_by(col(JobRecord.row_number))
    with engine.runtime.database.work() as session:
        return list(session.exec(found))


def test_rows_come_out_in_their_order_few_at_a_time_and_reserve_then(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, MOST + 5)
    assert counts(engine, batch_id).held_nano == 0
    engine.claim()
    assert out_of(engine, batch_id) == list(range(MOST))
    found = counts(engine, batch_id)
    assert found.held_nano == MOST * 20_000_000
    assert engine.held_and_spent() == (found.held_nano, 0)
    first = jobs_of(engine, batch_id)[0]
    assert engine.steps(first) == ["accepted", "queued"]
    assert engine.job(first).reserved_nano == 20_000_000
    assert batch(engine, batch_id).first_sent_at == engine.clock()


def test_a_single_job_passes_all_rows_that_wait(engine: Engine) -> None:
    batch_of_rows(engine, 10)
    job_id = engine.accept(routing={"provider": "linkmodel"})
    notes = [note for note in engine.claim().notes if note.task == SUBMIT]
    assert [(note.in_turn, len(note.ids)) for note in notes] == [(False, 1), (True, 10)]
    assert notes[0].ids == (job_id,)


def test_rows_leave_places_in_flight_to_single_jobs(engine: Engine, tmp_path: Path) -> None:
    shipped = engine.runtime.settings.catalogue
    assert shipped is not None
    overlay = tmp_path / "limits.toml"
    overlay.write_text(shipped.read_text() + "[limits.linkmodel]\nin_flight = 16\n")
    limited = replace(engine, runtime=replace(engine.runtime, catalogue=Catalogue.load(overlay)))
    batch_of_rows(limited, 40)
    assert [len(note.ids) for note in limited.claim().notes if note.task == SUBMIT] == [14]
    assert [note for note in limited.claim().notes if note.task == SUBMIT] == []
    single = limited.accept(routing={"provider": "linkmodel"})
    assert [note.ids for note in limited.claim().notes if note.task == SUBMIT] == [(single,)]


def test_a_deadline_counts_from_when_a_row_is_let_out(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 1, defaults=PINNED | {"routing": {"deadline": 60}})
    engine.clock.advance(3600)
    engine.claim()
    deadline = engine.job(jobs_of(engine, batch_id)[0]).deadline_at
    assert deadline is not None
    assert (deadline - engine.clock()).total_seconds() == 60


def test_projects_share_and_a_newcomer_catches_up(engine: Engine) -> None:
    mine = batch_of_rows(engine, 2 * MOST)
    other = replace(engine, project_id=new_project(engine.runtime).id)
    engine.claim()
    assert len(out_of(engine, mine)) == MOST
    theirs = batch_of_rows(other, 2 * MOST)
    # Half of what is out comes to its end, and so makes room.
    for job_id in jobs_of(engine, mine)[: MOST // 2]:
        finish(engine, job_id)
    engine.claim()
    assert (len(out_of(engine, mine)), len(out_of(engine, theirs))) == (MOST // 2, MOST // 2)


def test_of_one_project_the_more_urgent_batch_goes_first(engine: Engine) -> None:
    normal = batch_of_rows(engine, MOST)
    urgent = batch_of_rows(engine, MOST - 8, priority="high", defaults=PINNED | {"priority": "high"})
    engine.claim()
    assert (len(out_of(engine, normal)), len(out_of(engine, urgent))) == (0, MOST - 8)
    engine.claim()
    assert len(out_of(engine, normal)) == 8


def test_nothing_of_a_paused_batch_is_let_out(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 3, state=BatchState.PAUSED)
    engine.claim()
    assert out_of(engine, batch_id) == []


def test_a_strict_batch_waits_until_it_is_read(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 3, strict=True)
    with engine.runtime.database.work() as session:
        found = session.get(BatchRecord, batch_id)
        assert found is not None
        found.read_at = None
    engine.claim()
    assert out_of(engine, batch_id) == []


@pytest.mark.parametrize("budget_nano", [50_000_000, 59_999_999])
def test_no_row_is_let_out_beyond_the_budget_and_a_spent_one_pauses_the_batch(
    engine: Engine, budget_nano: int
) -> None:
    url = "https://example.com/hooks"
    batch_id = batch_of_rows(engine, 5, budget_nano=budget_nano, callback_url=url)
    engine.claim()
    assert out_of(engine, batch_id) == [0, 1]
    engine.claim()
    assert batch(engine, batch_id).state == BatchState.RUNNING, "what is out may turn out cheaper"
    for job_id in jobs_of(engine, batch_id)[:2]:
        engine.submit(job_id)
        pay(engine, job_id, 20_000_000)
    engine.claim()
    assert (batch(engine, batch_id).state, batch(engine, batch_id).reason) == (BatchState.PAUSED, "budget")
    assert counts(engine, batch_id).spent_nano == 40_000_000
    assert told(engine, batch_id) == ["budget.exceeded"]
    with engine.runtime.database.work() as session:
        assert [one.url for one in session.exec(select(DeliveryRecord))] == [url]


def test_what_turns_out_cheaper_leaves_room_for_more(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 3, budget_nano=40_000_000)
    engine.claim()
    first = jobs_of(engine, batch_id)[0]
    finish(engine, first)
    engine.claim()
    assert out_of(engine, batch_id) == [1, 2]


def test_a_batch_is_over_when_each_of_its_jobs_is(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 2)
    engine.claim()
    one, two = jobs_of(engine, batch_id)
    finish(engine, one)
    completing.sweep(engine.runtime)
    assert batch(engine, batch_id).ended_at is None
    finish(engine, two)
    for _ in range(2):
        completing.sweep(engine.runtime)
    found = batch(engine, batch_id)
    assert (found.state, found.ended_at) == (BatchState.COMPLETED, engine.clock())
    assert told(engine, batch_id) == ["batch.completed"]


def test_a_row_that_is_retried_by_itself_has_its_batch_run_again(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 1)
    [job_id] = jobs_of(engine, batch_id)
    finish(engine, job_id)
    completing.sweep(engine.runtime)
    again.retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert batch(engine, batch_id).state == BatchState.RUNNING
    completing.sweep(engine.runtime)
    assert batch(engine, batch_id).ended_at is None
    finish(engine, job_id)
    completing.sweep(engine.runtime)
    assert told(engine, batch_id) == ["batch.completed"] * 2


def test_a_row_that_is_canceled_before_its_turn_waits_no_more(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 2)
    first, second = jobs_of(engine, batch_id)
    finish(engine, first)
    engine.claim()
    assert out_of(engine, batch_id) == [1]
    assert engine.bookings(first) == []
    assert engine.job(second).reserved_nano == 20_000_000


def test_a_batch_without_a_good_row_is_over_when_it_is_read(engine: Engine) -> None:
    batch_id = upload(engine, "prompt,seed\n1,x\n")
    expand(engine.runtime, batch_id, owner=WORKER)
    completing.sweep(engine.runtime)
    assert batch(engine, batch_id).state == BatchState.COMPLETED


def test_a_canceling_batch_ends_as_canceled(engine: Engine) -> None:
    batch_id = batch_of_rows(engine, 1)
    with engine.runtime.database.work() as session:
        states.move(session, batch_id, BatchState.CANCELING, among=[BatchState.RUNNING])
    completing.sweep(engine.runtime)
    assert batch(engine, batch_id).ended_at is None
    finish(engine, jobs_of(engine, batch_id)[0])
    completing.sweep(engine.runtime)
    assert batch(engine, batch_id).state == BatchState.CANCELED


def test_a_whole_batch_runs(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\na red kite\na blue kite\n", defaults=PINNED)
    for note in engine.claim().notes:
        run(engine.runtime, note)
    for note in engine.claim().notes:
        run(engine.runtime, note)
    assert {engine.job(one).status for one in jobs_of(engine, batch_id)} == {JobStatus.RUNNING}
    assert counts(engine, batch_id).jobs[JobStatus.RUNNING] == 2


def pay(engine: Engine, job_id: UUID, nano: int) -> None:
    """Have a job end as paid for."""
    why = Failure(ErrorCode.CONTENT_POLICY, "it was moderated")
    engine.sees(job_id, Ended(why, Cost(nano, Basis.PROVIDER_PRICE, final=True)))
