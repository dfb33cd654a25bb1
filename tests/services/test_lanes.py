"""Lanes: what work teaches is shared, the newest counts, and trouble in writing it down does no harm."""

import psycopg
import pytest

from domain.generation import JobRequest
from domain.lanes import Lane, Learned
from domain.lifecycle import Kind
from services import lanes
from services.quotes import quotes
from services.runtime import Runtime
from storage import claims
from storage.lanes import KEPT
from tests.support.engine import Engine
from tests.support.postgres import plain

PAIR, WHOLE = Lane("linkmodel", "pair-a"), Lane("linkmodel", "")


def took(engine: Engine, *seconds: float, lane: Lane = PAIR) -> None:
    lanes.learn(engine.runtime, [Learned(lane, took=seconds)])


def looks(engine: Engine, owner: str) -> int:
    """How many looks a watcher gets at a provider that bears four a second."""
    lease = claims.Lease(owner, engine.clock(), 15.0)
    with engine.runtime.database.work() as session:
        return len(claims.claim_looks(session, "linkmodel", lease, most=10, per_second=4.0))


def next_look(runtime: Runtime, age: float, *, generating: bool = True) -> float | None:
    return lanes.next_look(runtime, PAIR, Kind.IMAGE, age=age, generating=generating)


def test_the_newest_times_of_a_lane_are_kept_in_order(engine: Engine) -> None:
    took(engine, *[float(second) for second in range(KEPT)])
    took(engine, 1000.0, 1001.0)
    assert engine.runtime.lanes.facts(PAIR).took == (*map(float, range(2, KEPT)), 1000.0, 1001.0)


def test_more_news_than_are_kept_leave_the_newest(engine: Engine) -> None:
    took(engine, *[float(second) for second in range(KEPT + 10)])
    assert engine.runtime.lanes.facts(PAIR).took == tuple(map(float, range(10, KEPT + 10)))


def test_looks_wait_for_when_an_end_is_likely(engine: Engine) -> None:
    assert next_look(engine.runtime, 1.0) == 2.0
    took(engine, *[60.0] * 5)
    assert next_look(engine.runtime, 1.0) == pytest.approx(34.85, abs=0.01)
    assert next_look(engine.runtime, 60.0) == pytest.approx(4.5)


def test_nobody_looks_more_often_than_a_provider_documents(engine: Engine) -> None:
    engine.linkmodel.intervals.says(30.0)
    took(engine, *[60.0] * 5)
    assert next_look(engine.runtime, 60.0) == 30.0


def test_a_schedule_that_has_ended_stays_ended(engine: Engine) -> None:
    engine.linkmodel.intervals.says(None)
    took(engine, *[60.0] * 5)
    assert next_look(engine.runtime, 1.0) is None
    gone = Lane("gone", "x")
    assert lanes.next_look(engine.runtime, gone, Kind.IMAGE, age=1.0, generating=True) is None


def test_where_nothing_is_documented_looks_are_spread_out(engine: Engine) -> None:
    engine.linkmodel.paced = False
    engine.linkmodel.intervals.says(10.0)
    seen = {next_look(engine.runtime, 1.0) for _ in range(50)}
    assert len(seen) > 10
    assert all(look is not None and 9.4 <= look <= 10.0 for look in seen)


def test_webhooks_are_counted_on_for_an_hour(engine: Engine) -> None:
    lanes.learn(engine.runtime, [Learned(PAIR, hooked=True)])
    assert next_look(engine.runtime, 5.0) == 25.0
    engine.clock.advance(3600)
    assert next_look(engine.runtime, 5.0) == 2.0


def test_a_wait_for_looks_holds_back_looks_and_nothing_else(engine: Engine) -> None:
    job_id = engine.running(routing={"provider": "linkmodel"})
    lanes.learn(engine.runtime, [Learned(WHOLE, hold=20.0, reason=lanes.LOOKS)])
    engine.clock.advance(19.9)
    assert engine.claim().looks == []
    assert lanes.held(engine.runtime, [PAIR]) == {}
    engine.clock.advance(0.2)
    assert engine.claim().looks == [job_id]


def test_the_longest_wait_that_was_asked_for_counts(engine: Engine) -> None:
    lanes.learn(engine.runtime, [Learned(PAIR, hold=2.0), Learned(PAIR, hold=9.0, reason="later")])
    lanes.learn(engine.runtime, [Learned(PAIR, hold=1.0)])
    until = lanes.held(engine.runtime, [PAIR])[PAIR]
    assert (until - engine.clock()).total_seconds() == 9.0


def test_the_looks_of_all_watchers_together_keep_to_the_rate(engine: Engine) -> None:
    for _ in range(6):
        engine.running(routing={"provider": "linkmodel"})
    lanes.learn(engine.runtime, [Learned(WHOLE, troubles=1)])
    engine.clock.advance(5)
    assert (looks(engine, "watcher:1"), looks(engine, "watcher:2")) == (4, 0)
    engine.clock.advance(0.25)
    assert looks(engine, "watcher:2") == 1


def test_what_cannot_be_written_down_is_only_missed(engine: Engine, database_url: str) -> None:
    with psycopg.connect(plain(database_url), autocommit=True) as connection:
        connection.execute("ALTER TABLE lanes RENAME TO lanes_away")
    took(engine, 60.0)
    assert next_look(engine.runtime, 1.0) == 2.0


def test_a_quote_says_how_soon_it_would_start(engine: Engine) -> None:
    request = JobRequest.model_validate({"model": "film", "input": {"prompt": "a kite"}})
    film = Lane("fal", "test/film")

    def offer() -> dict[str, object]:
        [only] = quotes(engine.runtime, request)["offers"]
        return {name: only[name] for name in ("warm", "expected_start_seconds", "expected_seconds")}

    assert offer() == {"warm": False, "expected_start_seconds": None, "expected_seconds": None}
    took(engine, *[40.0] * 5, lane=film)
    lanes.learn(engine.runtime, [Learned(film, started=(1.0, 2.0, 3.0, 4.0, 30.0))])
    assert offer() == {"warm": False, "expected_start_seconds": 30.0, "expected_seconds": 40}
    lanes.learn(engine.runtime, [Learned(film, picked_up=True)])
    assert offer() == {"warm": True, "expected_start_seconds": 3.0, "expected_seconds": 40}


def test_a_provider_without_runners_is_neither_warm_nor_cold(engine: Engine) -> None:
    request = JobRequest.model_validate({"model": "pair", "input": {"prompt": "a kite"}})
    offers = quotes(engine.runtime, request)["offers"]
    starts = {one["endpoint"]: (one["warm"], one["expected_start_seconds"]) for one in offers}
    assert starts[PAIR.endpoint] == (None, None)
