"""Keeping to budgets: refusals that say why, what is told once, retries, and rows of batches that wait."""

import json
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain.budgets import Period
from domain.costs import NOT_BILLED, Basis, Cost
from domain.failures import ErrorCode, Failure
from providers.base import Ended
from services import budgets
from services.again import retry
from services.batches import completing, retrying
from services.batches.views import batch as shown_batch
from services.budgets import NewBudget
from services.cancel import cancel
from services.refusals import NotFound, OverBudget
from services.spending import sweep
from storage.records import EventRecord, JobRecord
from tests.support.batches import batch_jobs, read_batch
from tests.support.engine import Engine

CENT = 10_000_000
DAY = 86_400.0
NO = Failure(ErrorCode.PROVIDER_FAILED, "it broke")


def limit(engine: Engine, cents: int, period: Period = Period.DAY, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    tag = more.pop("tag", None)
    return budgets.put(engine.runtime, NewBudget(engine.project_id, tag, period, cents * CENT, **more))


def first(engine: Engine) -> dict[str, Any]:
    """The project's first budget as it stands, with plain amounts in cents."""
    one = budgets.listed(engine.runtime, engine.project_id)["data"][0]
    amounts = {name: one[name]["nano_usd"] // CENT for name in ("limit", "held", "spent", "left")}
    return {**one, **amounts}


def told(engine: Engine, type_: str) -> list[Any]:
    found = select(EventRecord).where(EventRecord.type == type_).order_by(col(EventRecord.id))
    with engine.runtime.database.work() as session:
        return [json.loads(event.body)["data"] for event in session.exec(found)]


def state(engine: Engine, batch_id: UUID) -> dict[str, Any]:
    return shown_batch(engine.runtime, engine.project_id, batch_id)


def out(engine: Engine, batch_id: UUID) -> int:
    waiting: int = state(engine, batch_id)["counts"]["waiting"]
    return len(batch_jobs(engine, batch_id)) - waiting


def test_a_refusal_names_the_budget_what_is_left_and_when_it_renews(engine: Engine) -> None:
    made = limit(engine, 5, tag=("client", "acme"))
    engine.accept(tags={"client": "acme"})
    said = r"the tag client=acme for the day has 0\.02 of 0\.05 USD left"
    with pytest.raises(OverBudget, match=said) as refused:
        engine.accept(tags={"client": "acme"})
    details = refused.value.details
    assert (refused.value.code, details["budget"]["id"]) == ("budget_exceeded", made["id"])
    assert details["budget"]["tag"] == {"name": "client", "value": "acme"}
    assert (details["left"]["usd"], details["may_cost"]["usd"]) == ("0.02", "0.03")
    assert details["renews_at"] == "2026-11-23T00:00:00.000Z"


def test_a_budget_in_total_never_renews_and_a_price_may_be_unknown(engine: Engine) -> None:
    limit(engine, 0, Period.TOTAL)
    said = r"in total has 0 of 0 USD left; .* not known before: raise it$"
    with pytest.raises(OverBudget, match=said) as no:
        engine.accept("film")
    assert (no.value.details["renews_at"], no.value.details["may_cost"]) == (None, None)


def test_the_first_refusal_of_a_period_is_told_and_no_other(engine: Engine) -> None:
    limit(engine, 2)
    for _ in range(3):
        with pytest.raises(OverBudget):
            engine.accept()
    [event] = told(engine, "budget.exceeded")
    assert (event["left"]["usd"], event["may_cost"]["usd"], event["scope"]) == ("0.02", "0.03", "project")
    engine.clock.advance(DAY)
    with pytest.raises(OverBudget):
        engine.accept()
    assert len(told(engine, "budget.exceeded")) == 2


def test_a_warning_is_told_once_a_period_and_again_of_a_new_limit(engine: Engine) -> None:
    limit(engine, 10, warn_permille=600)
    engine.accept()
    sweep(engine.runtime)
    assert told(engine, "budget.warning") == []
    engine.accept()
    for _ in range(2):
        sweep(engine.runtime)
    [event] = told(engine, "budget.warning")
    assert (event["held"]["usd"], event["warn_at"]) == ("0.06", "0.6")
    limit(engine, 8, warn_permille=500)
    sweep(engine.runtime)
    assert len(told(engine, "budget.warning")) == 2


def test_what_a_job_really_cost_is_spent_and_the_rest_is_free_again(engine: Engine) -> None:
    limit(engine, 10)
    job_id = engine.running()
    assert (first(engine)["held"], first(engine)["spent"]) == (3, 0)
    engine.sees(job_id, Ended(NO, Cost(CENT, Basis.PROVIDER_PRICE, final=True)))
    assert (first(engine)["held"], first(engine)["spent"], first(engine)["left"]) == (0, 1, 9)


def test_a_new_budget_counts_what_its_period_has_cost_so_far(engine: Engine) -> None:
    engine.accept()
    engine.clock.advance(DAY)
    engine.accept()
    limit(engine, 10)
    limit(engine, 20, Period.MONTH)
    found = budgets.listed(engine.runtime, engine.project_id)["data"]
    assert [one["held"]["usd"] for one in found] == ["0.03", "0.06"]


def test_a_retry_is_held_against_the_budget_of_its_day(engine: Engine) -> None:
    limit(engine, 3)
    job_id = engine.accept()
    cancel(engine.runtime, project_id=engine.project_id, job_id=job_id)
    other = engine.accept()
    with pytest.raises(OverBudget):
        retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert (engine.job(job_id).status, len(told(engine, "budget.exceeded"))) == ("canceled", 1)
    engine.clock.advance(DAY)
    retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert first(engine)["held"] == 3
    cancel(engine.runtime, project_id=engine.project_id, job_id=other)
    assert first(engine)["held"] == 3


def test_what_a_retried_job_still_holds_comes_along_into_the_new_day(engine: Engine) -> None:
    limit(engine, 7)
    job_id = engine.running()
    engine.sees(job_id, Ended(NO, Cost(None, None, final=False)))
    engine.clock.advance(DAY)
    retry(engine.runtime, project_id=engine.project_id, job_id=job_id)
    assert (first(engine)["held"], engine.job(job_id).reserved_nano) == (6, 6 * CENT)
    engine.clock.advance(-DAY)
    assert first(engine)["held"] == 0
    assert engine.held_and_spent() == (6 * CENT, 0)


def test_rows_that_do_not_fit_wait_until_the_budget_renews(engine: Engine) -> None:
    made = limit(engine, 5)
    batch_id = read_batch(engine, 4)
    engine.claim()
    assert out(engine, batch_id) == 2
    shown = state(engine, batch_id)
    assert (shown["state"], shown["waiting_for"]["budget"]["id"]) == ("running", made["id"])
    assert shown["waiting_for"]["renews_at"] == "2026-11-23T00:00:00.000Z"
    engine.claim()
    assert len(told(engine, "budget.exceeded")) == 1
    engine.clock.advance(DAY)
    engine.claim()
    assert (out(engine, batch_id), state(engine, batch_id)["waiting_for"]) == (4, None)


def test_rows_go_on_once_the_budget_is_raised_or_removed(engine: Engine) -> None:
    made = limit(engine, 2, Period.TOTAL)
    batch_id = read_batch(engine, 3)
    engine.claim()
    assert (out(engine, batch_id), state(engine, batch_id)["waiting_for"]["renews_at"]) == (1, None)
    limit(engine, 4, Period.TOTAL)
    engine.claim()
    assert out(engine, batch_id) == 2
    budgets.remove(engine.runtime, engine.project_id, UUID(made["id"]))
    assert state(engine, batch_id)["waiting_for"] is None
    engine.claim()
    assert out(engine, batch_id) == 3


def test_a_tag_s_budget_holds_up_the_rows_of_its_tag(engine: Engine) -> None:
    limit(engine, 2, tag=("client", "acme"))
    defaults = {"model": "pair", "routing": {"provider": "linkmodel"}}
    mine = read_batch(engine, 2, defaults=defaults | {"tags": {"client": "acme"}})
    other = read_batch(engine, 2, defaults=defaults)
    engine.claim()
    assert (out(engine, mine), out(engine, other)) == (1, 2)


def test_a_row_that_still_holds_money_of_another_day_brings_it_along(engine: Engine) -> None:
    limit(engine, 5)
    batch_id = read_batch(engine, 1)
    engine.work()
    [job_id] = batch_jobs(engine, batch_id)
    engine.sees(job_id, Ended(NO, Cost(None, None, final=False)))
    completing.sweep(engine.runtime)
    engine.clock.advance(DAY)
    retrying.retry(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    engine.claim()
    assert (first(engine)["held"], out(engine, batch_id)) == (4, 1)
    with engine.runtime.database.work() as session:
        held = session.exec(select(JobRecord.reserved_nano).where(JobRecord.id == job_id)).one()
    assert held == 4 * CENT
    engine.clock.advance(-DAY)
    assert first(engine)["held"] == 0


def test_a_batch_s_own_budget_is_listed_set_and_removed_with_the_others(engine: Engine) -> None:
    batch_id = read_batch(engine, 2)
    made = budgets.put_of_batch(engine.runtime, engine.project_id, batch_id, CENT)
    assert (made["scope"], made["left"]["usd"], made["id"]) == ("batch", "0.01", str(batch_id))
    assert budgets.listed(engine.runtime, engine.project_id)["data"] == [made]
    budgets.remove(engine.runtime, engine.project_id, batch_id)
    assert budgets.listed(engine.runtime, engine.project_id)["data"] == []
    with pytest.raises(NotFound):
        budgets.remove(engine.runtime, engine.project_id, batch_id)


def test_a_free_failure_gives_all_of_it_back(engine: Engine) -> None:
    limit(engine, 3)
    engine.sees(engine.running(routing={"max_attempts": 1}), Ended(NO, NOT_BILLED))
    assert (first(engine)["held"], first(engine)["left"]) == (0, 3)
