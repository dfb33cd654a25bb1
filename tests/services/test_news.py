"""What looks teach of their lanes, and how often the same is told."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.costs import NOT_BILLED, UNKNOWN_COST
from domain.failures import ErrorCode, Failure
from domain.lanes import Lane, Learned
from domain.lifecycle import Kind
from domain.timeline import Phase
from providers.base import Ended, Finished, Generating, Handle, LookFailed, Queued
from services import news
from services.news import Told
from services.sights import Look, Open, Result
from tests.support.rows import NOON

LANE = Lane("fal", "test/pair")
FAL = Lane("fal", "")
DONE = Finished((), UNKNOWN_COST)


def look(result: Result, *, age: float = 10.0, phase: Phase | None = None, troubled: bool = False) -> Look:
    handle = Handle("r-1", Kind.IMAGE, LANE.endpoint, NOON)
    one = Open(uuid4(), uuid4(), "fal", handle, phase, None, cancel=False, troubled=troubled)
    return Look(one, result, NOON + timedelta(seconds=age))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_wait_teaches_nothing() -> None:
    assert news.of_going(look(Queued(3))) == []


def test_the_first_sight_of_a_runner_tells_how_long_the_request_waited_for_it() -> None:
    phases = {"provider_queue": 2.0, "cold_start": 5.5}
    assert news.of_going(look(Generating()), phases) == [Learned(LANE, picked_up=True, started=(7.5,))]
    assert news.of_going(look(Generating())) == [Learned(LANE, picked_up=True)]


def test_a_result_tells_when_it_was_there_and_not_when_it_was_seen() -> None:
    phases = {"cold_start": 2.0, "generation": 7.0, "detection": 1.0}
    seen = look(DONE, phase=Phase.GENERATION)
    assert news.of_result(seen, phases) == Learned(LANE, picked_up=True, took=(9.0,))
    unseen = look(DONE, phase=Phase.COLD_START)
    assert news.of_result(unseen, phases).started == (2.0,)
    assert news.of_result(unseen, {"cold_start": 10.0}).started == ()


def test_a_result_that_was_looked_for_late_teaches_no_times() -> None:
    assert news.of_result(look(DONE, troubled=True), {}).took == ()


@pytest.mark.parametrize(("worked", "runner"), [(None, False), (Decimal("1.5"), True)])
def test_a_failure_shows_a_runner_only_where_one_worked(worked: Decimal | None, *, runner: bool) -> None:
    verdict = Ended(Failure(ErrorCode.PROVIDER_FAILED, "no"), NOT_BILLED, inference_seconds=worked)
    assert news.of_end(look(verdict), verdict) == [Learned(LANE, picked_up=True)] * runner


def test_a_look_that_failed_tells_of_a_wait_or_of_nothing() -> None:
    busy = LookFailed("too many", retry_after=7.0)
    assert news.of_failure(look(busy), busy) == [Learned(FAL, hold=7.0, reason="looks")]
    odd = LookFailed("a page of a gateway")
    assert news.of_failure(look(odd), odd) == []


def test_the_news_of_a_lane_are_told_together() -> None:
    told = Told().select(
        [
            Learned(LANE, took=(1.0,)),
            Learned(LANE, picked_up=True, took=(2.0,), started=(3.0,)),
            Learned(FAL, hold=5.0, reason="looks"),
            Learned(FAL, hold=9.0, reason="looks"),
        ],
        [],
    )
    assert told == [
        Learned(LANE, picked_up=True, took=[1.0, 2.0], started=[3.0]),
        Learned(FAL, hold=9.0, reason="looks", took=[], started=[]),
    ]


def test_of_a_flood_of_results_a_lane_is_told_once_a_second() -> None:
    now = 0.0
    told = Told(lambda: now)
    assert told.select([Learned(LANE, picked_up=True, took=(1.0,))], []) != []
    assert told.select([Learned(LANE, picked_up=True, took=(2.0,))], []) == []
    now = 1.0
    assert told.select([Learned(LANE, picked_up=True, took=(3.0,))], []) == [
        Learned(LANE, picked_up=True, took=[2.0, 3.0], started=[])
    ]
    hold = Learned(LANE, hold=5.0, reason="looks")
    assert told.select([hold, Learned(LANE, picked_up=True, took=(4.0,))], [])[0].hold == 5.0


def test_a_runner_that_is_still_at_work_is_told_of_now_and_then() -> None:
    clock = Clock()
    told = Told(clock)
    plain = news.of_going(look(Generating()))
    assert [one.lane for one in told.select([], plain)] == [LANE]
    clock.now = 4.9
    assert [one.lane for one in told.select([], plain)] == []
    clock.now = 5.0
    assert [one.lane for one in told.select([], plain)] == [LANE]
