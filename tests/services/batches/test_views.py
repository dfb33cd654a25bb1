"""Batches as they are shown: counts, money, and how long they will take."""

from datetime import timedelta

import pytest

from domain.batches import BatchState
from services.batches import views
from services.batches.feeding import MOST
from services.reading import Slice
from services.refusals import NotFound, Unprocessable
from tests.support.batches import batch_jobs, fail_job, read_batch, sent_batch, set_batch
from tests.support.engine import Engine
from tests.support.front import new_project


def test_rows_that_wait_are_told_apart_from_those_that_were_let_out(engine: Engine) -> None:
    batch_id = read_batch(engine, 130)
    engine.claim()
    view = views.batch(engine.runtime, engine.project_id, batch_id)
    assert (view["counts"]["waiting"], view["counts"]["queued"]) == (130 - MOST, MOST)
    assert sum(view["counts"].values()) == view["good_rows"] == 130
    assert view["held"]["nano_usd"] == MOST * 20_000_000
    total = {"nano_usd": 2_600_000_000, "usd": "2.6"}
    assert view["quoted"] == {"low": total, "high": total, "unpriced_rows": 0}
    assert view["links"]["results_csv"] == f"/v1/batches/{batch_id}/results.csv"


def test_the_time_left_follows_from_the_rows_that_are_over(engine: Engine) -> None:
    batch_id = sent_batch(engine, 10)
    view = views.batch(engine.runtime, engine.project_id, batch_id)
    assert (view["rate_per_minute"], view["seconds_left"]) == (None, None)
    for job_id in batch_jobs(engine, batch_id)[:4]:
        fail_job(engine, job_id)
    engine.clock.advance(120)
    view = views.batch(engine.runtime, engine.project_id, batch_id)
    assert (view["rate_per_minute"], view["seconds_left"]) == (2.0, 180)
    set_batch(engine, batch_id, state=BatchState.PAUSED)
    view = views.batch(engine.runtime, engine.project_id, batch_id)
    assert (view["rate_per_minute"], view["seconds_left"]) == (2.0, None)
    ended = engine.clock() - timedelta(seconds=60)
    set_batch(engine, batch_id, state=BatchState.COMPLETED, ended_at=ended)
    view = views.batch(engine.runtime, engine.project_id, batch_id)
    assert (view["rate_per_minute"], view["seconds_left"]) == (4.0, 0)


def test_nobody_knows_how_long_a_batch_takes_of_which_nothing_was_sent(engine: Engine) -> None:
    view = views.batch(engine.runtime, engine.project_id, read_batch(engine, 1))
    assert (view["rate_per_minute"], view["seconds_left"]) == (None, None)


def test_a_project_sees_its_own_batches_newest_first_page_by_page(engine: Engine) -> None:
    made = [str(read_batch(engine, 1)) for _ in range(3)]
    first = views.batch_list(engine.runtime, engine.project_id, None, Slice(2))
    assert [one["id"] for one in first["data"]] == made[:0:-1]
    rest = views.batch_list(engine.runtime, engine.project_id, None, Slice(2, first["next_cursor"]))
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == ([made[0]], None)
    stranger = new_project(engine.runtime).id
    assert views.batch_list(engine.runtime, stranger, None, Slice())["data"] == []


def test_batches_can_be_asked_for_by_their_state(engine: Engine) -> None:
    paused, _ = read_batch(engine, 1), read_batch(engine, 1)
    set_batch(engine, paused, state=BatchState.PAUSED)
    found = views.batch_list(engine.runtime, engine.project_id, "paused", Slice())
    assert [one["id"] for one in found["data"]] == [str(paused)]


def test_a_cursor_that_is_not_ours_and_a_batch_of_another_project_are_refused(engine: Engine) -> None:
    with pytest.raises(Unprocessable, match="next_cursor"):
        views.batch_list(engine.runtime, engine.project_id, None, Slice(2, "made up"))
    batch_id = read_batch(engine, 1)
    with pytest.raises(NotFound):
        views.batch(engine.runtime, new_project(engine.runtime).id, batch_id)
