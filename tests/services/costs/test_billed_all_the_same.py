"""Requests that were to cost nothing, and what fal's billing says of them later."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from providers.bills import Bill
from providers.fal import FalProvider
from services.cancel import cancel
from tests.support.billed import DAY, Billed, billed

PRICE = 3_000_000


class OfNoUnits:
    """Bills for everything, without an amount."""

    def bills(self, request_ids: Sequence[str], since: datetime, until: datetime) -> dict[str, Bill]:
        assert since < until
        return {one: Bill(None, None, Decimal(0), None, 1, until) for one in request_ids}


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Billed]:
    with billed(database_url, tmp_path) as made:
        yield made


def canceled_in_the_queue(here: Billed, scenario: str = "") -> UUID:
    """A job that fal says it has dropped before it ran."""
    job_id = here.accept(f"[sandbox:queue=9] {scenario} a kite")
    here.turn()
    cancel(here.runtime, project_id=here.project_id, job_id=job_id)
    [attempt] = here.attempts(job_id)
    assert (attempt.cancel_effect, here.job(job_id).cost_nano) == ("removed", 0)
    return job_id


@pytest.mark.parametrize(
    ("also", "why", "cost"), [("", "units", PRICE), ("[sandbox:billing_unpriced]", "never_priced", 0)]
)
def test_what_was_to_cost_nothing_and_is_billed_all_the_same_is_listed(
    here: Billed, also: str, why: str, cost: int
) -> None:
    job_id = canceled_in_the_queue(here, f"[sandbox:cancel_charged] {also}")
    for _ in range(9):
        here.reconcile(after=6 * DAY)
    assert [(one["job_id"], one["why"]) for one in here.differences()] == [(str(job_id), why)]
    assert (here.job(job_id).cost_nano, here.waiting()) == (cost, 0)


def test_a_bill_of_no_units_says_that_it_cost_nothing(here: Billed) -> None:
    job_id = canceled_in_the_queue(here)
    fal = here.runtime.providers["fal"]
    assert isinstance(fal, FalProvider)
    fal.billing = OfNoUnits()
    for _ in range(9):
        here.reconcile(after=6 * DAY)
    assert (here.job(job_id).cost_nano, here.differences(), here.kept()) == (0, [], 0)
