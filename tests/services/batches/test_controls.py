"""Pausing batches, resuming them, and changing what they may cost."""

from typing import Any
from uuid import UUID

import pytest

from domain.batches import BatchState
from services.batches import controls
from services.refusals import Conflict, NotFound, Unprocessable
from tests.support.batches import (
    batch_jobs,
    batch_record,
    fail_job,
    read_batch,
    rows_out,
    sent_batch,
    set_batch,
)
from tests.support.engine import Engine
from tests.support.front import new_project
from tests.support.sheets import upload


def pause(engine: Engine, batch_id: UUID) -> dict[str, Any]:
    return controls.pause(engine.runtime, project_id=engine.project_id, batch_id=batch_id)


def resume(engine: Engine, batch_id: UUID, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return controls.resume(engine.runtime, project_id=engine.project_id, batch_id=batch_id, changes=changes)


def change(engine: Engine, batch_id: UUID, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return controls.change(engine.runtime, project_id=engine.project_id, batch_id=batch_id, changes=changes)


def out_of_money(engine: Engine) -> UUID:
    """A batch of two rows that its budget stopped after the first, which cost two cents."""
    batch_id = read_batch(engine, 2, budget_nano=20_000_000)
    engine.work()
    fail_job(engine, batch_jobs(engine, batch_id)[0], cost_nano=None)
    engine.claim()
    found = batch_record(engine, batch_id)
    assert (found.state, found.reason) == (BatchState.PAUSED, "budget")
    return batch_id


def test_nothing_more_of_a_paused_batch_is_let_out_until_it_is_resumed(engine: Engine) -> None:
    batch_id = read_batch(engine, 2)
    view = pause(engine, batch_id)
    assert (view["state"], view["reason"]) == ("paused", "on request")
    assert view["done"] == {"effect": "paused", "message": "nothing more is let out"}
    engine.claim()
    assert rows_out(engine, batch_id) == 0
    view = resume(engine, batch_id)
    assert (view["state"], view["reason"], view["done"]["effect"]) == ("running", None, "resumed")
    engine.claim()
    assert rows_out(engine, batch_id) == 2


def test_a_pause_says_what_is_on_the_way(engine: Engine) -> None:
    assert pause(engine, sent_batch(engine, 2))["done"]["message"] == (
        "nothing more is let out; 2 rows on the way go on to their end"
    )


def test_a_batch_that_is_still_read_goes_back_to_being_read(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\na\n")
    pause(engine, batch_id)
    assert resume(engine, batch_id)["state"] == "reading"


def test_what_is_not_running_cannot_be_paused_and_what_is_not_paused_cannot_be_resumed(
    engine: Engine,
) -> None:
    batch_id = read_batch(engine, 1)
    with pytest.raises(Conflict, match="only a batch that is paused can be resumed; this one is running"):
        resume(engine, batch_id)
    set_batch(engine, batch_id, state=BatchState.COMPLETED)
    with pytest.raises(Conflict, match="only a batch that is reading or running can be paused"):
        pause(engine, batch_id)


def test_a_spent_budget_has_to_be_raised_before_the_batch_goes_on(engine: Engine) -> None:
    batch_id = out_of_money(engine)
    with pytest.raises(Conflict) as refused:
        resume(engine, batch_id)
    assert refused.value.code == "budget_spent"
    with pytest.raises(Unprocessable, match=r"more than the 0\.02 USD"):
        resume(engine, batch_id, budget_nano=20_000_000)
    assert batch_record(engine, batch_id).budget_nano == 20_000_000
    assert resume(engine, batch_id, budget_nano=40_000_000)["state"] == "running"
    engine.claim()
    assert rows_out(engine, batch_id) == 1


def test_without_a_budget_it_goes_on_as_well(engine: Engine) -> None:
    view = resume(engine, out_of_money(engine), budget_nano=None)
    assert (view["state"], view["budget"]) == ("running", None)


def test_raising_the_budget_resumes_a_batch_that_it_stopped(engine: Engine) -> None:
    batch_id = out_of_money(engine)
    with pytest.raises(Unprocessable):
        change(engine, batch_id, budget_nano=10_000_000)
    view = change(engine, batch_id, budget_nano=100_000_000)
    assert (view["state"], view["done"]["effect"]) == ("running", "resumed")


def test_a_batch_that_was_paused_on_request_stays_paused_with_another_budget(engine: Engine) -> None:
    batch_id = read_batch(engine, 1)
    pause(engine, batch_id)
    view = change(engine, batch_id, budget_nano=1_000_000_000, name="spring")
    assert (view["state"], view["name"], view["budget"]["usd"]) == ("paused", "spring", "1")
    assert view["done"] == {"effect": "changed", "message": "changed: budget_usd, name"}


def test_a_name_alone_does_not_resume_anything(engine: Engine) -> None:
    assert change(engine, out_of_money(engine), name="spring")["state"] == "paused"


def test_the_batches_of_others_are_not_there(engine: Engine) -> None:
    batch_id = read_batch(engine, 1)
    stranger = new_project(engine.runtime).id
    with pytest.raises(NotFound):
        controls.pause(engine.runtime, project_id=stranger, batch_id=batch_id)
