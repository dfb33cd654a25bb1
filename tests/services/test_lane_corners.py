"""Corners of letting out: all providers down at once, slow starts, and two who hold the same rows."""

import threading
from uuid import UUID

from sqlalchemy import text

from domain.lanes import Lane, Learned
from services import lanes
from services.due import Claimed
from storage import jobs
from storage import lanes as rows
from tests.support.engine import Engine
from tests.support.until import until

FAL, LINKMODEL, FILM = Lane("fal", ""), Lane("linkmodel", ""), Lane("fal", "test/film")
DOWN = 5


def let_out(claimed: Claimed) -> list[UUID]:
    return [one for note in claimed.notes for one in note.ids]


def test_a_job_whose_providers_are_all_down_waits_and_is_not_passed_to_and_fro(engine: Engine) -> None:
    job_id = engine.accept()
    lanes.learn(engine.runtime, [Learned(FAL, troubles=DOWN), Learned(LINKMODEL, troubles=DOWN)])
    assert [let_out(engine.claim()) for _ in range(3)] == [[], [], []]
    with engine.runtime.database.work() as session:
        assert jobs.last_noted(session, job_id, "passed_on") is None
    assert engine.job(job_id).provider == "linkmodel"


def test_a_pilot_is_not_held_for_stuck_before_runners_usually_start(engine: Engine) -> None:
    lanes.learn(engine.runtime, [Learned(FILM, started=(100.0,) * 6)])
    flood = [engine.accept("film") for _ in range(3)]
    [pilot] = let_out(engine.claim())
    engine.submit(pilot)
    engine.clock.advance(199)
    assert let_out(engine.claim()) == []
    engine.clock.advance(1)
    [second] = let_out(engine.claim())
    assert second in set(flood) - {pilot}


def test_who_learns_and_who_lets_out_never_wait_for_each_other(engine: Engine) -> None:
    news = [Learned(LINKMODEL, hold=1.0, reason="busy"), Learned(FAL, troubles=1)]
    rows_of_both = (FAL, LINKMODEL)
    with engine.runtime.database.work() as session:
        rows.locked(session, rows_of_both)
    learning = threading.Thread(target=lanes.learn, args=(engine.runtime, news))
    with engine.runtime.database.work() as session:
        rows.locked(session, rows_of_both[:1])
        learning.start()
        until(lambda: _waits(engine), "the wait for the row")
        rows.locked(session, rows_of_both[1:])
    learning.join()
    with engine.runtime.database.work() as session:
        known = rows.some(session, rows_of_both)
        assert (known[FAL].troubles, known[LINKMODEL].held_reason) == (1, "busy")


def _waits(engine: Engine) -> bool:
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with engine.runtime.database.work() as session:
        return bool(session.connection().execute(text(waiting)).scalar())
