"""Canceling batches: free where nothing was sent, asked for where something was, gone on with by another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import text

from domain.batches import BatchState
from domain.lanes import Lane
from domain.lifecycle import JobStatus
from services.batches import canceling, completing
from services.batches.expanding import expand
from services.batches.retrying import retry
from services.refusals import Conflict, NotFound
from storage.batches import turns
from tests.support.batches import (
    batch_counts,
    batch_jobs,
    batch_record,
    batch_told,
    fail_job,
    read_batch,
    rows_out,
    sent_batch,
    set_batch,
    waiting_rows,
)
from tests.support.engine import WORKER, Engine
from tests.support.front import new_project
from tests.support.sheets import upload
from tests.support.until import until


def test_rows_that_wait_are_canceled_at_no_cost(engine: Engine) -> None:
    batch_id = read_batch(engine, 3)
    view = canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    assert view["done"] == {
        "effect": "canceled",
        "message": "3 rows had not been sent: canceled, at no cost",
    }
    assert (view["state"], view["counts"]["canceled"]) == ("canceling", 3)
    assert waiting_rows(engine, batch_id) == []
    first = engine.job(batch_jobs(engine, batch_id)[0])
    assert (first.status, first.ended_at, first.cost_nano, first.cost_final) == (
        "canceled",
        engine.clock(),
        0,
        True,
    )
    assert engine.error(first.id) == "canceled"
    assert engine.steps(first.id) == ["canceled"]
    assert engine.told(first.id) == []
    completing.sweep(engine.runtime)
    assert batch_record(engine, batch_id).state == BatchState.CANCELED
    assert batch_told(engine, batch_id) == ["batch.completed"]


def test_what_was_held_for_rows_that_were_let_out_is_freed(engine: Engine) -> None:
    batch_id = read_batch(engine, 2)
    engine.claim()
    assert batch_counts(engine, batch_id).held_nano == 40_000_000
    canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    assert batch_counts(engine, batch_id).held_nano == 0
    assert (engine.held_and_spent(), rows_out(engine, batch_id)) == ((0, 0), 0)
    first = batch_jobs(engine, batch_id)[0]
    assert engine.bookings(first) == [("reserve", 20_000_000), ("release", -20_000_000)]
    assert engine.job(first).reserved_nano == 0


def test_what_runs_is_asked_to_be_dropped_and_what_is_late_is_not_sent(engine: Engine) -> None:
    batch_id = sent_batch(engine, 2)
    view = canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    assert view["done"]["effect"] == "requested"
    assert view["done"]["message"].startswith(
        "0 rows had not been sent: canceled, at no cost. 2 rows had been"
    )
    job_ids = batch_jobs(engine, batch_id)
    assert all(one.cancel for one in engine.open_requests(*job_ids))
    assert {engine.due_in(job_id) for job_id in job_ids} == {0.0}
    assert engine.steps(job_ids[0])[-1] == "cancel_requested"
    completing.sweep(engine.runtime)
    assert batch_record(engine, batch_id).state == BatchState.CANCELING


def test_a_row_whose_earlier_try_has_no_known_cost_stays_held(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    [job_id] = batch_jobs(engine, batch_id)
    fail_job(engine, job_id, cost_nano=None)
    retry(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    job = engine.job(job_id)
    assert (job.status, job.cost_nano, job.cost_final, job.reserved_nano) == (
        "canceled",
        None,
        False,
        20_000_000,
    )
    assert engine.held_and_spent() == (20_000_000, 0)


def test_a_row_keeps_what_its_earlier_try_cost(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    [job_id] = batch_jobs(engine, batch_id)
    fail_job(engine, job_id, cost_nano=5_000_000)
    retry(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    assert (engine.job(job_id).status, engine.job(job_id).cost_nano) == ("canceled", 5_000_000)


def test_nothing_more_of_the_file_is_read(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\na\nb\n")
    canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    expand(engine.runtime, batch_id, owner=WORKER)
    assert batch_jobs(engine, batch_id) == []
    completing.sweep(engine.runtime)
    assert batch_record(engine, batch_id).state == BatchState.CANCELED


def test_a_batch_whose_canceler_died_is_gone_on_with(engine: Engine) -> None:
    batch_id = read_batch(engine, 2)
    died = {"state": BatchState.CANCELING, "next_at": engine.clock() + timedelta(seconds=30)}
    set_batch(engine, batch_id, **died)
    canceling.sweep(engine.runtime)
    assert batch_counts(engine, batch_id).jobs[JobStatus.CANCELED] == 0
    engine.clock.advance(30)
    canceling.sweep(engine.runtime)
    assert batch_counts(engine, batch_id).jobs[JobStatus.CANCELED] == 2
    assert batch_record(engine, batch_id).next_at is None


def test_going_on_twice_changes_nothing(engine: Engine) -> None:
    batch_id = sent_batch(engine, 1)
    set_batch(engine, batch_id, state=BatchState.CANCELING)
    assert canceling.go_on(engine.runtime, batch_id) == canceling.Stopped(0, 1)
    steps = engine.steps(batch_jobs(engine, batch_id)[0])
    assert canceling.go_on(engine.runtime, batch_id) == canceling.Stopped(0, 1)
    assert engine.steps(batch_jobs(engine, batch_id)[0]) == steps


def test_a_fault_with_one_batch_does_not_keep_the_others_going_on(engine: Engine) -> None:
    bad, good = read_batch(engine, 1), read_batch(engine, 1)
    for batch_id in (bad, good):
        set_batch(engine, batch_id, state=BatchState.CANCELING, next_at=engine.clock())
    with engine.runtime.database.work() as session:
        session.connection().execute(
            text("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'")
        )
        session.connection().execute(
            text(
                "CREATE TRIGGER refuse BEFORE DELETE ON batch_waits FOR EACH ROW "
                f"WHEN (OLD.batch_id = '{bad}') EXECUTE FUNCTION refuse()"
            )
        )
    canceling.sweep(engine.runtime)
    assert batch_counts(engine, bad).jobs[JobStatus.CANCELED] == 0
    assert batch_counts(engine, good).jobs[JobStatus.CANCELED] == 1


def test_rows_that_are_let_out_meanwhile_are_canceled_as_well(engine: Engine) -> None:
    batch_id = read_batch(engine, 3)
    lane = Lane("linkmodel", "pair-a")
    with ThreadPoolExecutor(1) as threads:
        with engine.runtime.database.work() as session:
            turns.let_out(session, batch_id, lane, most=2, left_nano=None, now=engine.clock())
            canceled = threads.submit(
                canceling.cancel, engine.runtime, project_id=engine.project_id, batch_id=batch_id
            )
            until(lambda: waits_for_a_lock(engine), "the wait for who lets rows out")
        assert canceled.result()["counts"]["canceled"] == 3
    assert (rows_out(engine, batch_id), waiting_rows(engine, batch_id)) == (0, [])
    assert engine.held_and_spent() == (0, 0)


def test_a_row_that_is_begun_meanwhile_is_asked_for_as_well(engine: Engine) -> None:
    batch_id = read_batch(engine, 1)
    engine.claim()
    times = count()

    def begin() -> datetime:
        """A clock that has a worker send the row just before its turn to be canceled has come."""
        if next(times) == 2:
            with engine.runtime.database.work() as session:
                session.connection().execute(
                    text("UPDATE jobs SET status = 'submitting', cancel_requested_at = NULL")
                )
        return engine.clock()

    runtime = replace(engine.runtime, clock=begin)
    view = canceling.cancel(runtime, project_id=engine.project_id, batch_id=batch_id)
    assert (view["done"]["effect"], view["counts"]["submitting"]) == ("requested", 1)
    assert engine.job(batch_jobs(engine, batch_id)[0]).cancel_requested_at == engine.clock()


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.runtime.database.work() as session:
        found = session.connection().execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'"
            )
        )
        return bool(found.scalar())


@pytest.mark.parametrize("state", [BatchState.COMPLETED, BatchState.CANCELED, BatchState.FAILED])
def test_a_batch_that_has_ended_cannot_be_canceled(engine: Engine, state: BatchState) -> None:
    batch_id = read_batch(engine, 1)
    set_batch(engine, batch_id, state=state)
    with pytest.raises(Conflict, match=f"this one is {state}") as refused:
        canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    assert refused.value.details["status"] == state


def test_the_batches_of_others_are_not_there(engine: Engine) -> None:
    batch_id = read_batch(engine, 1)
    with pytest.raises(NotFound):
        canceling.cancel(engine.runtime, project_id=new_project(engine.runtime).id, batch_id=batch_id)
    with pytest.raises(NotFound):
        canceling.cancel(engine.runtime, project_id=engine.project_id, batch_id=uuid4())
