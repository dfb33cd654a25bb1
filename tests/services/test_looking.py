"""Looking: what an observation changes, how often is looked, and that no look means no verdict."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.costs import NOT_BILLED, Basis, Cost
from domain.failures import ErrorCode, Failure
from domain.lanes import Lane, Learned
from domain.lifecycle import AttemptStatus, JobStatus
from providers.base import Ended, Finished, Generating, LookFailed, Output, Queued
from services import looking
from services.due import CLAIM
from services.news import Told
from storage import agenda
from tests.support.engine import WATCHER, Engine, taken

DONE = Finished((Output("https://media.example/1.png"),), Cost(20_000_000, Basis.PROVIDER_PRICE, final=True))
AWAY = LookFailed("no answer")
NEVER = Ended(Failure(ErrorCode.PROVIDER_FAILED, "it cannot be made"), NOT_BILLED)
MISSING = LookFailed("no such request", missing=True)


def test_nothing_is_asked_of_the_database_for_no_jobs(engine: Engine) -> None:
    assert engine.open_requests() == []
    looking.record(engine.runtime, [], owner=WATCHER)


def test_a_job_that_no_provider_has_taken_is_not_looked_at(engine: Engine) -> None:
    assert engine.open_requests(engine.accept()) == []


def test_a_handle_holds_all_that_was_stored_of_the_request(engine: Engine) -> None:
    engine.linkmodel.submits.says(taken(request_id="r-1", status_url="https://p.example/s", price_nano=7))
    [one] = engine.open_requests(engine.running())
    assert (one.handle.request_id, one.handle.status_url, one.handle.price_nano) == (
        "r-1",
        "https://p.example/s",
        7,
    )
    assert one.handle.expected_cost == Cost(20_000_000, Basis.CATALOGUE, final=False)


def test_a_look_that_sees_nothing_new_only_moves_the_next_one(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Generating())
    steps = engine.steps(job_id)
    engine.clock.advance(5)
    assert [*engine.claim().looks] == [job_id]
    looking.record(engine.runtime, [engine.look(job_id, Generating())], owner=WATCHER)
    assert engine.steps(job_id) == steps
    assert engine.due_in(job_id) == 2.0
    row = engine.agenda(job_id)
    assert row is not None
    assert row.owner is None


def test_a_look_of_a_watcher_that_lost_its_claim_moves_nothing(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Generating())
    engine.clock.advance(5)
    engine.claim()
    looking.record(engine.runtime, [engine.look(job_id, Generating())], owner="watcher:another")
    assert engine.due_in(job_id) == CLAIM.total_seconds()


def test_the_clock_follows_a_request_through_its_phases(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Queued(4), after=2)
    engine.sees(job_id, Queued(1), after=3)
    engine.sees(job_id, Queued(0), after=5)
    engine.sees(job_id, Queued(None), after=1)
    engine.sees(job_id, Generating(), after=7)
    engine.sees(job_id, DONE, after=11)
    attempt = engine.attempt(job_id)
    assert attempt.phases == {"provider_queue": 9.0, "cold_start": 8.0, "generation": 12.0}
    positions = [event.data.get("position") for event in engine.timeline(job_id)]
    assert positions == [None, None, None, 4, 1, 0, None, None, None, None]
    assert engine.steps(job_id)[3:] == [
        "provider_queue",
        "provider_queue",
        "provider_queue",
        "provider_queue",
        "provider_start",
        "provider_end",
        "detected",
    ]


def test_a_request_that_falls_back_into_the_queue_is_followed_there(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Generating(), Queued(2), Generating(), DONE, after=4)
    assert engine.attempt(job_id).phases == {"generation": 12.0, "provider_queue": 4.0}


@pytest.mark.parametrize(("failures", "pause"), [(1, 2.0), (2, 4.0), (3, 8.0), (6, 60.0), (14, 60.0)])
def test_looks_that_fail_are_farther_apart_each_time(engine: Engine, failures: int, pause: float) -> None:
    job_id = engine.running()
    engine.sees(job_id, *[AWAY] * failures)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert engine.due_in(job_id) == pause


def test_a_provider_that_asks_for_patience_gets_it(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, LookFailed("too many requests", retry_after=90.0))
    assert engine.due_in(job_id) == 90.0


def test_a_look_that_works_again_ends_the_trouble(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, MISSING, MISSING, Generating())
    assert (engine.attempt(job_id).troubles, engine.attempt(job_id).missing) == (0, 0)
    engine.sees(job_id, MISSING, AWAY, MISSING, MISSING)
    assert engine.job(job_id).status == JobStatus.RUNNING


def test_a_request_that_is_denied_once_is_asked_for_again_after_a_while(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, MISSING)
    assert engine.due_in(job_id) == 20.0


def test_a_request_that_is_denied_three_times_goes_to_a_person(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, MISSING, MISSING, MISSING)
    assert (engine.job(job_id).status, engine.error(job_id)) == ("review", "outcome_unknown")
    assert engine.attempt(job_id).status == AttemptStatus.UNKNOWN
    assert engine.held_and_spent() == (30_000_000, 0)


@pytest.mark.parametrize("seen", [Generating(), AWAY])
def test_after_the_schedule_a_job_waits_for_a_person_while_slow_looks_go_on(
    engine: Engine, seen: looking.Result
) -> None:
    job_id = engine.running()
    engine.linkmodel.intervals.says(None)
    engine.sees(job_id, seen)
    assert engine.job(job_id).status == JobStatus.REVIEW
    assert engine.due_in(job_id) == 600.0
    engine.sees(job_id, Generating(), AWAY, MISSING, MISSING, MISSING)
    assert engine.job(job_id).status == JobStatus.REVIEW
    assert engine.due_in(job_id) == 600.0
    assert engine.steps(job_id).count("review") == 1


def test_slow_looks_end_after_two_days(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.intervals.says(None)
    engine.sees(job_id, Generating())
    engine.sees(job_id, Generating(), after=timedelta(hours=48).total_seconds())
    assert engine.agenda(job_id) is None
    assert engine.job(job_id).status == JobStatus.REVIEW


def test_a_late_verdict_settles_a_reviewed_job(engine: Engine) -> None:
    job_id = engine.running()
    engine.linkmodel.intervals.says(None)
    engine.sees(job_id, Generating())
    engine.sees(job_id, DONE, after=7200)
    job = engine.job(job_id)
    assert (job.status, job.error, job.ended_at) == ("storing", None, None)
    assert ("settle", 20_000_000) in engine.bookings(job_id)


def test_a_verdict_is_taken_once_however_often_it_is_seen(engine: Engine) -> None:
    job_id = engine.running()
    looks = [engine.look(job_id, DONE) for _ in range(3)]
    looking.record(engine.runtime, looks, owner=WATCHER)
    looking.record(engine.runtime, looks[:1], owner=WATCHER)
    assert engine.bookings(job_id).count(("settle", 20_000_000)) == 1
    assert engine.steps(job_id).count("detected") == 1


def test_an_old_sight_after_the_verdict_changes_nothing(engine: Engine) -> None:
    job_id = engine.running()
    old = [engine.look(job_id, Generating()), engine.look(job_id, AWAY)]
    engine.sees(job_id, DONE)
    looking.record(engine.runtime, old, owner=WATCHER)
    assert engine.job(job_id).status == JobStatus.STORING
    assert engine.attempt(job_id).troubles == 0


def test_a_fault_with_one_job_does_not_hold_up_the_others(engine: Engine) -> None:
    broken, well = engine.running(), engine.running()
    looks = [engine.look(job_id, DONE) for job_id in (broken, well)]
    with engine.runtime.database.work() as session:
        attempt = session.merge(engine.attempt(broken))
        attempt.phase = "of the moon"
    looking.record(engine.runtime, looks, owner=WATCHER)
    assert engine.job(broken).status == JobStatus.RUNNING
    assert engine.job(well).status == JobStatus.STORING


def test_looks_that_brought_different_things_are_written_down_together(engine: Engine) -> None:
    quiet, begun, done, gone, away = (engine.running() for _ in range(5))
    engine.sees(quiet, Generating())
    engine.clock.advance(5)
    assert {*engine.claim().looks} >= {quiet, begun, done, gone, away}
    brought: dict[UUID, looking.Result] = {
        quiet: Generating(),
        begun: Generating(),
        done: DONE,
        gone: NEVER,
        away: AWAY,
    }
    looks = [engine.look(job_id, result) for job_id, result in brought.items()]
    assert looking.record(engine.runtime, looks, owner=WATCHER) == [done]
    assert {job_id: engine.steps(job_id)[-1] for job_id in brought} == {
        quiet: "provider_start",
        begun: "provider_start",
        done: "detected",
        gone: "failed",
        away: "submitted",
    }
    assert [engine.due_in(job_id) for job_id in brought] == [2.0, 2.0, 15.0, None, 2.0]


def test_a_result_stays_with_the_watcher_that_saw_it_and_has_it_fetched(engine: Engine) -> None:
    job_id = engine.running()
    looking.record(engine.runtime, [engine.look(job_id, DONE)], owner=WATCHER)
    row = engine.agenda(job_id)
    assert row is not None
    assert (row.status, row.owner) == ("storing", WATCHER)
    assert list(engine.claim().notes) == []
    engine.clock.advance(15)
    assert [note.ids for note in engine.claim().notes] == [(job_id,)]


def test_an_answer_that_no_database_can_hold_does_not_hold_up_the_others(engine: Engine) -> None:
    odd, well = engine.running(), engine.running()
    nul = Finished((Output("https://media.example/\x00.png"),), DONE.cost)
    looks = [engine.look(odd, nul), engine.look(well, DONE)]
    assert looking.record(engine.runtime, looks, owner=WATCHER) == [well]
    assert [engine.job(job_id).status for job_id in (odd, well)] == ["running", "storing"]
    assert engine.bookings(odd) == [("reserve", 30_000_000)]


def test_a_job_that_was_knocked_for_while_its_look_was_out_stays_due(engine: Engine) -> None:
    job_id = engine.running()
    engine.clock.advance(2)
    engine.claim()
    look = engine.look(job_id, Generating())
    with engine.runtime.database.work() as session:
        agenda.look_now(session, job_id, engine.clock())
    looking.record(engine.runtime, [look], owner=WATCHER)
    assert engine.steps(job_id)[-1] == "provider_start"
    assert engine.claim().looks == [job_id]


def test_what_a_watcher_holds_is_handed_back(engine: Engine) -> None:
    open_one, unsent, sent = engine.running(), engine.accept(), engine.accept()
    engine.clock.advance(2)
    engine.claim()
    looking.hand_back(engine.runtime, [unsent], owner=WATCHER)
    assert [engine.due_in(job_id) for job_id in (open_one, unsent, sent)] == [0.0, 0.0, 15.0]


def test_results_of_many_lanes_are_learned_from(engine: Engine) -> None:
    told = Told()
    job_id = engine.running()
    looking.record(engine.runtime, [engine.look(job_id, Generating())], owner=WATCHER, told=told)
    assert told.select([], [Learned(Lane("linkmodel", "pair-a"), picked_up=True)]) == []


def test_a_provider_that_is_not_set_up_any_more_is_looked_for_now_and_then(engine: Engine) -> None:
    job_id = engine.running()
    providers = engine.runtime.providers
    assert isinstance(providers, dict)
    del providers["linkmodel"]
    engine.sees(job_id, AWAY)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert engine.due_in(job_id) == 60.0


def test_a_cost_that_is_free_is_booked_as_nothing(engine: Engine) -> None:
    job_id = engine.running()
    engine.sees(job_id, Finished(DONE.outputs, NOT_BILLED))
    assert engine.bookings(job_id) == [("reserve", 30_000_000), ("settle", 0)]
