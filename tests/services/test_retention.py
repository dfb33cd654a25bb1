"""Periods of retention: what is past its time goes, in slices, and amounts stay."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import event

from domain.batches import BatchState
from domain.costs import Basis, Cost
from domain.lifecycle import JobStatus
from providers.base import Finished, Output
from services import erasing, retention, shredding
from services.cancel import cancel
from tests.support.batches import batch_record, set_batch
from tests.support.engine import Engine
from tests.support.everything import MONEY, everything
from tests.support.files import a_picture
from tests.support.front import new_project
from tests.support.rows import a_job, keep
from tests.support.sheets import upload

DAY = timedelta(days=1).total_seconds()
PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)


def keeps(engine: Engine, prompt_days: int | None = None, asset_days: int | None = None) -> None:
    retention.change(engine.runtime, engine.project_id, prompt_days=prompt_days, asset_days=asset_days)


def made(engine: Engine, server: HTTPServer) -> UUID:
    """A job that has made a file."""
    job_id = engine.running()
    server.expect_request("/made.png").respond_with_data(a_picture(), content_type="image/png")
    engine.sees(job_id, Finished((Output(server.url_for("/made.png")),), PAID))
    engine.collect(job_id)
    return job_id


def canceled(engine: Engine) -> UUID:
    job_id = engine.accept()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    return job_id


def sweep(engine: Engine) -> None:
    retention.sweep(engine.runtime)
    shredding.sweep(engine.runtime)


def has_prompt(engine: Engine, job_id: UUID) -> bool:
    return "prompt" in engine.job(job_id).input


def erasure(engine: Engine, job_id: UUID) -> dict[str, Any]:
    return erasing.job_erasure(engine.runtime, engine.project_id, job_id)


def test_everything_is_kept_until_somebody_says_otherwise(engine: Engine) -> None:
    assert retention.shown(engine.runtime, engine.project_id) == {
        "object": "retention",
        "prompt_days": None,
        "asset_days": None,
    }
    job_id = canceled(engine)
    engine.clock.advance(4000 * DAY)
    sweep(engine)
    assert has_prompt(engine, job_id)


def test_prompts_go_after_their_period_and_files_after_theirs(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)
    money = everything(engine.runtime, *MONEY)
    [asset] = engine.assets(job_id)
    keeps(engine, prompt_days=30, asset_days=90)
    engine.clock.advance(30 * DAY - 60)
    sweep(engine)
    assert has_prompt(engine, job_id)
    engine.clock.advance(120)
    sweep(engine)
    assert not has_prompt(engine, job_id)
    assert engine.job(job_id).erased_at is None
    assert [one.key for one in engine.assets(job_id)] == [asset.key]
    assert engine.runtime.objects.stat(asset.key) is not None
    told = erasure(engine, job_id)
    assert (told["reason"], told["record"]["prompt"], told["record"]["assets"]) == ("retention", True, False)
    engine.clock.advance(60 * DAY)
    sweep(engine)
    assert (engine.assets(job_id), engine.runtime.objects.stat(asset.key)) == ([], None)
    assert engine.job(job_id).erased_at is not None
    assert everything(engine.runtime, *MONEY) == money
    assert len(engine.linkmodel.erasures.asked) == 1


def test_files_may_go_before_prompts(engine: Engine, httpserver: HTTPServer) -> None:
    job_id = made(engine, httpserver)
    keeps(engine, asset_days=1)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert (engine.assets(job_id), has_prompt(engine, job_id)) == ([], True)
    assert "/made.png" not in everything(engine.runtime)
    assert engine.told(job_id)[0].body.count('"assets": []') == 1


def test_what_is_still_going_on_is_erased_once_it_is_over(engine: Engine) -> None:
    job_id = engine.accept()
    keeps(engine, prompt_days=1)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert erasure(engine, job_id)["record"]["state"] == "waiting"
    engine.clock.advance(3600)
    sweep(engine)
    assert has_prompt(engine, job_id)
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    engine.clock.advance(3600)
    sweep(engine)
    assert not has_prompt(engine, job_id)


def test_a_project_s_period_is_no_other_s(engine: Engine) -> None:
    other = a_job(project_id=new_project(engine.runtime).id, status=JobStatus.CANCELED)
    keep(engine.runtime, other)
    job_id = canceled(engine)
    keeps(engine, prompt_days=1)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert (has_prompt(engine, job_id), has_prompt(engine, other.id)) == (False, True)


def test_many_jobs_go_in_slices_and_none_is_looked_at_twice(engine: Engine) -> None:
    old = [a_job(project_id=engine.project_id, status=JobStatus.CANCELED) for _ in range(450)]
    keep(engine.runtime, *old)
    keeps(engine, prompt_days=1)
    engine.clock.advance(2 * DAY)
    young = canceled(engine)
    retention.sweep(engine.runtime)
    assert [has_prompt(engine, job.id) for job in (old[0], old[199], old[200], old[-1])] == [False] * 4
    assert has_prompt(engine, young)
    asked: list[str] = []
    event.listen(
        engine.runtime.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: asked.append(statement),
    )
    retention.sweep(engine.runtime)
    assert not [one for one in asked if one.lstrip().startswith(("UPDATE jobs", "INSERT"))]


def test_the_file_of_a_batch_goes_with_the_prompts(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\nmarker7f3a\n", defaults={"model": "pair", "input": {"seed": 1}})
    key = batch_record(engine, batch_id).file_key
    keeps(engine, prompt_days=1)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert engine.runtime.objects.stat(key) is not None
    engine.clock.advance(3600)
    sweep(engine)
    assert engine.runtime.objects.stat(key) is not None
    set_batch(engine, batch_id, state=BatchState.COMPLETED, ended_at=engine.clock())
    engine.clock.advance(3600)
    sweep(engine)
    sweep(engine)
    assert engine.runtime.objects.stat(key) is None
    assert batch_record(engine, batch_id).defaults == {"model": "pair"}


def test_a_batch_that_is_over_when_its_time_has_passed_loses_its_file_at_once(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\na kite\n")
    set_batch(engine, batch_id, state=BatchState.COMPLETED, ended_at=engine.clock())
    keeps(engine, prompt_days=1)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert engine.runtime.objects.stat(batch_record(engine, batch_id).file_key) is None


@pytest.mark.parametrize("days", [None, 3])
def test_a_period_can_be_changed_and_taken_back(engine: Engine, days: int | None) -> None:
    job_id = canceled(engine)
    keeps(engine, prompt_days=1)
    keeps(engine, prompt_days=days)
    engine.clock.advance(2 * DAY)
    sweep(engine)
    assert has_prompt(engine, job_id)
