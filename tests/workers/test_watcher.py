"""The watcher: it lets work out, looks, cancels, beats, outlives every trouble and stops when told."""

import asyncio
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from domain.costs import Basis, Cost
from domain.lifecycle import JobStatus
from outbound.wire import AsyncWire
from providers.base import (
    CancelAnswer,
    Finished,
    Generating,
    Handle,
    LookFailed,
    Observation,
    Output,
    UnitPrice,
)
from services import due
from services.cancel import cancel
from services.letting import OUTSTANDING
from services.submit import submit
from storage import agenda
from storage.health import last_beat
from storage.queue import Note
from tests.support.booked import Try, booked, execute
from tests.support.engine import Engine
from tests.support.outage import come_back, database_away, go_away
from tests.support.postgres import Postgres
from tests.support.scripted import ScriptedProvider, ScriptedQueue
from tests.support.until import until
from tests.support.watching import watching
from workers.watcher.looks import SLOTS, WAITING
from workers.watcher.loop import Watcher

DONE = Finished((Output("http://127.0.0.1:1/1.png"),), Cost(1, Basis.PROVIDER_PRICE, final=True))


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged meanwhile; not printed, since pretty tracebacks take seconds."""
    with capture_logs() as entries:
        yield entries


def events(logged: list[MutableMapping[str, Any]]) -> set[str]:
    return {entry["event"] for entry in logged}


def ids_let_out(queue: ScriptedQueue) -> set[UUID]:
    return {one for note in queue.take() for one in note.ids}


def let_out(engine: Engine) -> set[str]:
    return {note.task for note in engine.queue.take()}


def test_new_work_is_let_out_at_once(engine: Engine) -> None:
    with watching(engine.runtime):
        engine.accept()
        until(lambda: let_out(engine) == {"submit"}, "the submit")


def test_a_generation_is_looked_at_when_it_is_due_and_followed_to_its_verdict(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.looks.says(Generating(), DONE)
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: "provider_start" in engine.steps(job_id), "the first look")
        engine.clock.advance(2)
        until(lambda: engine.job(job_id).status == JobStatus.STORING, "the verdict")
        until(lambda: let_out(engine) == {"collect"}, "the collecting")


def test_a_look_that_brings_nothing_is_written_down_as_trouble(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.looks.says(LookFailed("no answer"))
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: engine.attempt(job_id).troubles == 1, "the trouble")


def test_the_watcher_beats(engine: Engine) -> None:
    with watching(engine.runtime):
        until(lambda: last_beat(engine.runtime.database, "watcher") == engine.clock(), "the beat")


def test_the_watcher_keeps_the_sums_of_costs(engine: Engine) -> None:
    booked(engine, Try(5))
    with watching(engine.runtime):
        until(lambda: execute(engine.runtime, "SELECT sum(spent_nano) FROM cost_days") == 5, "the sums")


def test_an_idle_watcher_stops_at_once(engine: Engine) -> None:
    with watching(engine.runtime) as stop:
        until(lambda: last_beat(engine.runtime.database, "watcher"), "the beat")
        begun = monotonic()
        stop()
        assert monotonic() - begun < 3


@dataclass
class SlowProvider(ScriptedProvider):
    """Its looks last until they are let go."""

    def __post_init__(self) -> None:
        self.looking = threading.Event()
        self.go_on = threading.Event()

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        self.looking.set()
        await asyncio.to_thread(self.go_on.wait, 20)
        return await super().look(handle, wire)


def with_slow(engine: Engine) -> tuple[Engine, SlowProvider]:
    slow = SlowProvider("linkmodel")
    providers = {**engine.runtime.providers, "linkmodel": slow}
    return replace(engine, runtime=replace(engine.runtime, providers=providers), linkmodel=slow), slow


def test_a_watcher_that_stops_waits_for_its_looks_and_writes_them_down(engine: Engine) -> None:
    engine, slow = with_slow(engine)
    job_id = engine.running()
    slow.looks.says(DONE)
    with watching(engine.runtime) as stop:
        engine.clock.advance(2)
        assert slow.looking.wait(60)
        threading.Timer(0.5, slow.go_on.set).start()
        stop()
    assert engine.job(job_id).status == JobStatus.STORING


def test_what_a_watcher_had_not_done_when_it_stopped_is_due_for_the_next_one(engine: Engine) -> None:
    engine, slow = with_slow(engine)
    job_id = engine.running()
    with watching(engine.runtime, grace=0.5) as stop:
        engine.clock.advance(2)
        assert slow.looking.wait(60)
        stopping = threading.Thread(target=stop)
        stopping.start()
        until(lambda: engine.due_in(job_id) == 0.0, "the look that was given up to be due again")
        slow.go_on.set()
        stopping.join()
    assert engine.job(job_id).status == JobStatus.RUNNING


def test_a_provider_that_answers_slowly_does_not_hold_up_the_looks_at_another(engine: Engine) -> None:
    engine, slow = with_slow(engine)
    for _ in range(SLOTS + WAITING + 1):
        engine.running(routing={"provider": "linkmodel"})
    well = engine.running(routing={"provider": "fal"})
    engine.fal.looks.says(DONE)
    with watching(engine.runtime):
        engine.clock.advance(2)
        assert slow.looking.wait(60)
        until(lambda: engine.job(well).status == JobStatus.STORING, "the verdict")
        slow.go_on.set()


def test_a_job_that_is_knocked_for_while_its_look_is_out_is_looked_at_again_at_once(engine: Engine) -> None:
    engine, slow = with_slow(engine)
    job_id = engine.running()
    slow.looks.says(Generating(), DONE)
    with watching(engine.runtime):
        engine.clock.advance(2)
        assert slow.looking.wait(60)
        with engine.runtime.database.work() as session:
            agenda.look_now(session, job_id, engine.clock())
        until(lambda: engine.due_in(job_id) == due.CLAIM.total_seconds(), "the claim that the knock brought")
        slow.go_on.set()
        until(lambda: engine.job(job_id).status == JobStatus.STORING, "the verdict")


def test_what_is_being_looked_at_is_not_looked_at_twice(engine: Engine) -> None:
    engine, slow = with_slow(engine)
    job_id = engine.running()
    with watching(engine.runtime):
        engine.clock.advance(2)
        assert slow.looking.wait(60)
        for _ in range(3):
            engine.clock.advance(due.CLAIM.total_seconds())
            until(lambda: engine.due_in(job_id) == due.CLAIM.total_seconds(), "the claim")
        slow.go_on.set()
        until(lambda: "provider_start" in engine.steps(job_id), "the look")
    assert len(slow.looks.asked) == 1


def test_a_look_that_breaks_does_not_stop_the_others_and_is_made_again(engine: Engine) -> None:
    broken = engine.running(routing={"provider": "fal"})
    well = engine.running(routing={"provider": "linkmodel"})
    engine.fal.looks.says(ZeroDivisionError("a fault of ours"), DONE)
    engine.linkmodel.looks.says(DONE)
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: engine.job(well).status == JobStatus.STORING, "the verdict")
        until(lambda: engine.fal.looks.asked, "the look that breaks")
        assert engine.job(broken).status == JobStatus.RUNNING
        engine.clock.advance(due.CLAIM.total_seconds())
        until(lambda: engine.job(broken).status == JobStatus.STORING, "the second look")


def test_a_provider_that_was_taken_away_does_not_stop_the_others(engine: Engine) -> None:
    left = engine.running(routing={"provider": "fal"})
    well = engine.running(routing={"provider": "linkmodel"})
    engine.linkmodel.looks.says(DONE)
    without = {"linkmodel": engine.linkmodel}
    with watching(replace(engine.runtime, providers=without)):
        engine.clock.advance(2)
        until(lambda: engine.job(well).status == JobStatus.STORING, "the verdict")
        until(lambda: engine.attempt(left).troubles == 1, "the trouble")
    assert engine.job(left).status == JobStatus.RUNNING


@pytest.mark.parametrize(
    ("answers", "asked", "status"),
    [
        ([CancelAnswer("removed", "it was waiting")], 1, JobStatus.CANCELED),
        ([CancelAnswer("requested", "it is asked to stop")], 1, JobStatus.STORING),
        ([LookFailed("no answer"), CancelAnswer("too_late", "it is done")], 1, JobStatus.STORING),
    ],
)
def test_a_cancel_that_was_not_answered_is_asked_for_before_the_look(
    engine: Engine, answers: list[CancelAnswer | Exception], asked: int, status: JobStatus
) -> None:
    job_id = engine.running()
    engine.linkmodel.cancels.says(LookFailed("no answer"))
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    engine.linkmodel.cancels.says(*answers)
    engine.linkmodel.looks.says(DONE)
    with watching(engine.runtime):
        until(lambda: engine.job(job_id).status == status, f"the job to be {status}")
    assert len(engine.linkmodel.cancels.asked) == 1 + asked


def test_a_broker_that_is_away_is_tried_again_and_looks_go_on(engine: Engine) -> None:
    waiting, open_one = engine.accept(), engine.running()
    engine.linkmodel.looks.says(DONE)
    engine.queue.away = True
    with watching(engine.runtime):
        until(lambda: engine.queue.tries, "the first try")
        engine.clock.advance(2)
        until(lambda: engine.job(open_one).status == JobStatus.STORING, "the verdict")
        engine.queue.away = False
        engine.clock.advance(2)
        until(lambda: waiting in {one for note in engine.queue.take() for one in note.ids}, "the submit")


class HangingQueue(ScriptedQueue):
    """A queue whose publishing lasts until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def publish(self, notes: Sequence[Note]) -> None:
        self.tries += 1
        self.go_on.wait(60)
        super().publish(notes)


def test_a_broker_that_does_not_answer_holds_up_no_look(engine: Engine) -> None:
    queue = HangingQueue()
    runtime = replace(engine.runtime, queue=queue)
    waiting, open_one = engine.accept(), engine.running()
    engine.linkmodel.looks.says(Generating(), DONE)
    with watching(runtime):
        until(lambda: queue.tries, "the first try")
        engine.clock.advance(2)
        until(lambda: "provider_start" in engine.steps(open_one), "the first look")
        engine.clock.advance(2)
        until(lambda: engine.job(open_one).status == JobStatus.STORING, "the verdict")
        queue.go_on.set()
        seen: list[UUID] = []

        def both() -> bool:
            seen.extend(ids_let_out(queue))
            return {*seen} == {waiting, open_one}

        until(both, "both notes")


def test_a_price_that_could_not_be_had_at_submit_is_asked_for_with_the_result(engine: Engine) -> None:
    engine.fal.prices.says(LookFailed("no answer"))
    job_id = engine.running("film")
    assert engine.attempt(job_id).unit_price is None
    guess = Cost(30_000_000, Basis.CATALOGUE, final=False, units=Decimal(2))
    engine.fal.looks.says(replace(DONE, cost=guess))
    engine.fal.prices.says(UnitPrice(Decimal("0.04"), "image"))
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: engine.job(job_id).status == JobStatus.STORING, "the verdict")
    attempt = engine.attempt(job_id)
    assert (attempt.cost_nano, attempt.cost_basis, attempt.unit_price) == (
        80_000_000,
        "billable_units",
        Decimal("0.04"),
    )


def test_a_price_that_is_still_away_with_the_result_leaves_the_expected_cost(engine: Engine) -> None:
    engine.fal.prices.says(LookFailed("no answer"))
    job_id = engine.running("film")
    guess = Cost(30_000_000, Basis.CATALOGUE, final=False, units=Decimal(2))
    engine.fal.looks.says(replace(DONE, cost=guess))
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: engine.job(job_id).status == JobStatus.STORING, "the verdict")
    assert (engine.attempt(job_id).cost_nano, engine.attempt(job_id).cost_final) == (30_000_000, False)


def test_a_deadline_that_passes_is_kept_by_the_watcher(engine: Engine) -> None:
    job_id = engine.accept(routing={"deadline": 5})
    engine.queue.away = True
    with watching(engine.runtime):
        engine.clock.advance(6)
        until(lambda: engine.error(job_id) == "deadline", "the end")


def test_a_database_that_goes_away_and_comes_back_is_found_again(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    with watching(engine.runtime):
        until(lambda: last_beat(engine.runtime.database, "watcher"), "the beat")
        with database_away(server, database_url):
            assert engine.queue.take() == []
        engine.clock.advance(1)
        engine.accept()
        until(lambda: let_out(engine) == {"submit"}, "the submit")
        until(lambda: last_beat(engine.runtime.database, "watcher") == engine.clock(), "the next beat")


def test_a_watcher_that_starts_before_its_database_waits_for_it(
    engine: Engine, server: Postgres, database_url: str, logged: list[MutableMapping[str, Any]]
) -> None:
    job_id = engine.accept()
    go_away(server, database_url)
    with watching(engine.runtime):
        until(lambda: events(logged) >= {"turn_failed", "step_failed", "notices_lost"}, "the trouble")
        come_back(server, database_url)
        until(lambda: job_id in {one for note in engine.queue.take() for one in note.ids}, "the submit")


def test_looks_that_cannot_be_written_down_are_made_again(
    engine: Engine, server: Postgres, database_url: str, logged: list[MutableMapping[str, Any]]
) -> None:
    def look_while_it_goes_away(_: Handle) -> Observation:
        go_away(server, database_url)
        return Generating()

    job_id = engine.running()
    engine.sees(job_id, Generating())
    engine.linkmodel.looks.says(look_while_it_goes_away, DONE)
    with watching(engine.runtime):
        engine.clock.advance(2)
        until(lambda: "looks_not_written" in events(logged), "the look that is lost")
        come_back(server, database_url)
        engine.clock.advance(due.CLAIM.total_seconds())
        until(lambda: engine.job(job_id).status == JobStatus.STORING, "the second look")


def test_a_backlog_is_let_out_as_the_workers_take_it_up(engine: Engine) -> None:
    jobs = {engine.accept() for _ in range(OUTSTANDING + 5)}
    seen: set[UUID] = set()

    def let_out_so_far(many: int) -> bool:
        seen.update(ids_let_out(engine.queue))
        return len(seen) == many

    with watching(engine.runtime):
        until(lambda: let_out_so_far(OUTSTANDING), "as many as may wait in the queue")
        submit(engine.runtime, [*seen][:16], owner="worker:test")
        until(lambda: let_out_so_far(len(jobs)), "the rest")
    assert seen == jobs


def test_a_watcher_that_has_lost_a_part_ends_with_the_reason(engine: Engine) -> None:
    def broken_clock() -> datetime:
        raise ZeroDivisionError("no time")

    watcher = Watcher(replace(engine.runtime, clock=broken_clock))
    with pytest.raises(ZeroDivisionError, match="no time"):
        asyncio.run(watcher.run())
