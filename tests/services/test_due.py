"""What is due: claimed once, let out by its kind, and due again when the broker takes nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from domain.costs import Basis, Cost
from domain.lifecycle import JobStatus
from providers.base import Accepted, Finished, Output, Submission
from services import due, reconcile
from services.cancel import cancel
from services.housekeeping import KEEP_ANSWERS, KEEP_EVENTS, tidy
from services.lease import LEASE, kept
from storage import agenda
from storage.queue import CeleryQueue, Queue
from storage.records import IdempotencyRecord
from tests.support.engine import WATCHER, Engine, running_engine
from tests.support.postgres import Postgres
from tests.support.until import until

DONE = Finished((Output("http://127.0.0.1:1/1.png"),), Cost(1, Basis.PROVIDER_PRICE, final=True))


def with_queue(engine: Engine, queue: Queue) -> Engine:
    return replace(engine, runtime=replace(engine.runtime, queue=queue))


def test_each_kind_of_work_goes_to_its_queue(engine: Engine) -> None:
    image, video, stored = engine.accept(), engine.accept("film"), engine.running()
    engine.sees(stored, DONE)
    told = engine.accept(callback_url="http://127.0.0.1:1/hook")
    cancel(engine.runtime, project_id=engine.project_id, job_id=told)
    claimed = engine.claim()
    assert {(note.task, note.queue, *note.ids) for note in claimed.notes} == {
        ("submit", "image", image),
        ("submit", "video", video),
        ("collect", "collect", stored),
        ("deliver", "callbacks", engine.deliveries(told)[0].id),
    }
    assert claimed.looks == []


def test_open_generations_are_claimed_for_a_look(engine: Engine) -> None:
    job_id = engine.running()
    assert engine.claim().looks == []
    engine.clock.advance(2)
    assert engine.claim().looks == [job_id]
    assert engine.claim().looks == []


def test_no_more_is_claimed_than_asked_for(engine: Engine) -> None:
    for _ in range(3):
        engine.accept()
    [first] = due.claim(engine.runtime, owner=WATCHER, looks={}, notes=2).notes
    [rest] = due.claim(engine.runtime, owner=WATCHER, looks={}, notes=2).notes
    assert (len(first.ids), len(rest.ids)) == (2, 1)


def test_what_was_urgent_goes_first(engine: Engine) -> None:
    low, high = engine.accept(priority="low"), engine.accept(priority="high")
    [first] = due.claim(engine.runtime, owner=WATCHER, looks={}, notes=1).notes
    [second] = due.claim(engine.runtime, owner=WATCHER, looks={}, notes=1).notes
    assert (first.ids, second.ids) == ((high,), (low,))


def test_watchers_share_the_work(engine: Engine) -> None:
    for _ in range(30):
        engine.accept()
    claimed: list[UUID] = []
    start = threading.Barrier(3)

    def watch(number: int) -> None:
        start.wait()
        while notes := due.claim(engine.runtime, owner=f"watcher:{number}", looks={}, notes=4).notes:
            claimed.extend(one for note in notes for one in note.ids)

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 30


def test_what_was_let_out_and_lost_comes_due_again(engine: Engine) -> None:
    job_id = engine.accept()
    assert [one for note in engine.claim().notes for one in note.ids] == [job_id]
    engine.clock.advance(due.CLAIM.total_seconds() - 1)
    assert engine.claim().notes == []
    engine.clock.advance(1)
    assert [one for note in engine.claim().notes for one in note.ids] == [job_id]


def test_one_broken_row_does_not_hold_up_the_others(engine: Engine) -> None:
    engine.linkmodel.submits.says(RuntimeError("the process was killed here"))
    broken, lost = engine.accept(), engine.accept()
    for job_id in (broken, lost):
        with pytest.raises(RuntimeError):
            engine.submit(job_id)
    with engine.runtime.database.work() as session:
        no_event = f"ALTER TABLE events ADD CONSTRAINT broken CHECK (job_id <> '{broken}')"
        session.connection().execute(text(no_event))
    engine.clock.advance(LEASE.total_seconds() + 1)
    waiting = engine.accept()
    with capture_logs() as logged:
        claimed = engine.claim()
        assert [one for note in claimed.notes for one in note.ids] == [waiting]
        assert {*claimed.lost} == {broken, lost}
        reconcile.settle(engine.runtime, claimed.lost)
    assert "job_not_reconciled" in {entry["event"] for entry in logged}
    assert (engine.job(lost).status, engine.job(broken).status) == ("review", "submitting")


def test_a_row_that_is_sending_without_an_attempt_is_left_alone(engine: Engine) -> None:
    job_id = engine.accept()
    with engine.runtime.database.work() as session:
        job = session.merge(engine.job(job_id))
        job.status = JobStatus.SUBMITTING
        agenda.schedule(session, job, engine.clock())
    assert engine.claim().notes == []
    assert engine.job(job_id).status == "submitting"


def test_nothing_is_published_where_nothing_is_due(engine: Engine) -> None:
    due.publish(engine.runtime, [], owner=WATCHER)
    assert engine.queue.tries == 0


def test_a_broker_that_is_away_costs_a_second(engine: Engine) -> None:
    told = engine.accept(callback_url="http://127.0.0.1:1/hook")
    cancel(engine.runtime, project_id=engine.project_id, job_id=told)
    job_id = engine.accept()
    engine.queue.away = True
    due.publish(engine.runtime, engine.claim().notes, owner=WATCHER)
    assert engine.claim().notes == []
    engine.clock.advance(1)
    again = engine.claim().notes
    assert {one for note in again for one in note.ids} == {job_id, engine.deliveries(told)[0].id}
    engine.queue.away = False
    due.publish(engine.runtime, again, owner=WATCHER)
    assert engine.queue.take() == again


def test_rows_that_another_watcher_claimed_meanwhile_are_left_to_it(engine: Engine) -> None:
    engine.accept()
    notes = engine.claim().notes
    engine.clock.advance(due.CLAIM.total_seconds())
    due.claim(engine.runtime, owner="watcher:another", looks={}, notes=5)
    engine.queue.away = True
    due.publish(engine.runtime, notes, owner=WATCHER)
    assert engine.due_in(notes[0].ids[0]) == due.CLAIM.total_seconds()


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes no connection and refuses none: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port
        for filler in fillers:
            filler.close()


def _gives_up_and_comes_due_again(engine: Engine, port: int) -> None:
    there = with_queue(engine, CeleryQueue(f"redis://127.0.0.1:{port}/0"))
    job_id = there.accept()
    begun = monotonic()
    due.publish(there.runtime, there.claim().notes, owner=WATCHER)
    assert monotonic() - begun < 8
    assert there.due_in(job_id) == 1.0


def test_a_redis_that_refuses_is_given_up_within_seconds(engine: Engine) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    _gives_up_and_comes_due_again(engine, port)


def test_a_redis_that_swallows_connections_is_given_up_within_seconds(
    engine: Engine, black_hole: int
) -> None:
    _gives_up_and_comes_due_again(engine, black_hole)


def test_a_redis_that_takes_connections_and_never_answers_is_given_up_within_seconds(
    engine: Engine,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        _gives_up_and_comes_due_again(engine, server.getsockname()[1])


def test_answers_for_repeated_requests_are_kept_for_two_days(engine: Engine) -> None:
    job_id = engine.accept()
    with engine.runtime.database.work() as session:
        session.add(
            IdempotencyRecord(
                project_id=engine.project_id,
                key="k",
                fingerprint="a",
                job_id=job_id,
                answer={},
                created_at=engine.clock(),
            )
        )
    engine.clock.advance(KEEP_ANSWERS.total_seconds())
    tidy(engine.runtime)
    with engine.runtime.database.work() as session:
        assert session.get(IdempotencyRecord, (engine.project_id, "k")) is not None
    engine.clock.advance(1)
    tidy(engine.runtime)
    with engine.runtime.database.work() as session:
        assert session.get(IdempotencyRecord, (engine.project_id, "k")) is None


def test_events_are_dropped_with_their_deliveries_when_nobody_can_ask_for_them(engine: Engine) -> None:
    job_id = engine.accept(callback_url="http://127.0.0.1:1/hook")
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    engine.work()
    engine.clock.advance(KEEP_EVENTS.total_seconds())
    tidy(engine.runtime)
    assert len(engine.deliveries(job_id)) == 1
    engine.clock.advance(1)
    tidy(engine.runtime)
    assert (list(engine.told(job_id)), list(engine.deliveries(job_id))) == ([], [])


def test_a_lease_is_renewed_for_as_long_as_the_work_goes_on(engine: Engine) -> None:
    def slow(_: Submission) -> Accepted:
        engine.clock.advance(15)
        until(lambda: engine.due_in(job_id) == LEASE.total_seconds(), "the renewal", 15)
        return Accepted("request-1")

    engine.linkmodel.submits.says(slow)
    job_id = engine.accept()
    engine.submit(job_id)
    assert engine.job(job_id).status == "running"


def test_a_lease_that_cannot_be_renewed_does_not_stop_the_work(
    server: Postgres, template: str, tmp_path: Path
) -> None:
    url = server.database(template)
    with running_engine(url, tmp_path) as engine:
        job_id = engine.accept()
        server.drop(url)
        with capture_logs() as logged, kept(engine.runtime, [job_id], "worker:x"):
            until(lambda: "lease_not_renewed" in {entry["event"] for entry in logged}, "the warning")
