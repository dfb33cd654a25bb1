"""What fal bills is read some time after each request, and the ledger follows it to the nano-dollar."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.costs import Basis
from providers.bills import Bill
from services.costs import reconciling, rollup
from services.costs.invoices import book
from services.prices import learning
from services.reading import job as read_job
from tests.support.billed import DAY, ENDPOINT, Billed, billed

PRICE = 3_000_000


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Billed]:
    with billed(database_url, tmp_path) as made:
        yield made


def asked(here: Billed) -> int:
    """How often fal's billing was asked."""
    calls = here.sandbox.client.get("/control/requests").json()["calls"]
    return sum(call["path"].endswith("/billing-events") for call in calls)


def test_what_is_billed_as_it_was_booked_is_noted_and_leaves_nothing_behind(here: Billed) -> None:
    [job_id] = here.ended("a kite")
    before = here.bookings(job_id)
    here.reconcile()
    [attempt] = here.attempts(job_id)
    assert (attempt.invoiced_nano, attempt.cost_nano) == (PRICE, PRICE) == (here.invoiced(attempt),) * 2
    assert here.bookings(job_id) == before
    assert (here.waiting(), asked(here)) == (1, 1)
    view = read_job(here.runtime, here.project_id, job_id)
    assert view["attempts"][0]["invoiced"] == {"nano_usd": PRICE, "usd": "0.003"}
    here.reconcile(after=DAY)
    assert (here.kept(), asked(here), here.differences()) == (0, 2, [])
    here.reconcile(after=DAY)
    assert asked(here) == 2


def test_a_discount_is_booked_as_an_adjustment_once_however_often_it_is_told(here: Billed) -> None:
    [job_id] = here.ended("a kite [sandbox:billing_discount=10]")
    for after in (120, 1, DAY, DAY):
        here.reconcile(after=after)
    [attempt] = here.attempts(job_id)
    assert attempt.cost_nano == attempt.invoiced_nano == here.invoiced(attempt) == 2_700_000
    assert here.bookings(job_id)[-1] == ("adjust", -300_000)
    assert sum(kind == "adjust" for kind, _ in here.bookings(job_id)) == 1
    job = here.job(job_id)
    assert (job.cost_nano, job.cost_basis, job.cost_final) == (2_700_000, Basis.PROVIDER_PRICE, True)
    [one] = here.differences()
    assert (one["why"], one["difference"]["nano_usd"], one["bill"]["discount"]["nano_usd"]) == (
        "discount",
        -300_000,
        300_000,
    )
    assert (one["job_id"], one["attempt"], one["booked"]["usd"], one["asked_again_at"]) == (
        str(job_id),
        1,
        "0.003",
        None,
    )


def test_a_bill_that_comes_late_or_without_a_price_at_first_is_waited_for(here: Billed) -> None:
    late, unpriced = here.ended("[sandbox:billing_late=900] a", "[sandbox:billing_unpriced=3600] b")
    here.reconcile()
    attempts = here.attempts(late, unpriced)
    assert [one.invoiced_nano for one in attempts] == [None, None]
    for after in (300, 1800, 7200):
        here.reconcile(after=after)
    attempts = here.attempts(late, unpriced)
    assert [one.invoiced_nano for one in attempts] == [PRICE, PRICE]
    assert here.differences() == []


def test_an_unknown_cost_becomes_known_and_frees_what_was_held(here: Billed) -> None:
    prompt = "[sandbox:moderation=charged] a"
    [job_id] = here.ended(prompt)
    with here.runtime.database.work() as session:
        session.connection().execute(
            text("UPDATE attempts SET cost_nano = NULL, cost_basis = NULL, cost_final = false")
        )
        session.connection().execute(
            text("UPDATE jobs SET cost_nano = NULL, cost_final = false, reserved_nano = 7")
        )
        session.connection().execute(text("DELETE FROM ledger_entries WHERE kind <> 'reserve'"))
    rollup.sweep(here.runtime)
    reconciling.sweep(here.runtime)
    [one] = here.differences()
    assert (one["why"], one["booked"], one["invoiced"], one["difference"]) == ("unknown", None, None, None)
    here.reconcile()
    job = here.job(job_id)
    assert (job.cost_nano, job.cost_final, job.reserved_nano) == (PRICE, True, 0)
    assert here.bookings(job_id)[1:] == [("settle", PRICE), ("release", -7)]
    [one] = here.differences()
    assert (one["why"], one["booked"], one["invoiced"]["nano_usd"]) == ("learned", None, PRICE)


def test_what_is_never_billed_stays_booked_and_is_listed(here: Billed) -> None:
    never, unpriced = here.ended("[sandbox:billing_never] a", "[sandbox:billing_unpriced] b")
    free = here.ended(
        "[sandbox:billing_never] [sandbox:fail] c", routing={"fallback": False, "max_attempts": 1}
    )
    for _ in range(9):
        here.reconcile(after=6 * DAY)
    assert {one["job_id"]: one["why"] for one in here.differences()} == {
        str(never): "never_billed",
        str(unpriced): "never_priced",
    }
    assert [here.job(one).cost_nano for one in (never, unpriced, *free)] == [PRICE, PRICE, 0]
    assert here.waiting() == 0


def test_several_events_are_one_bill_and_a_correction_follows_it(here: Billed) -> None:
    split, corrected = here.ended("[sandbox:billing_split=3] a", "[sandbox:billing_corrected=7200] b")
    here.reconcile()
    assert [one.invoiced_nano for one in here.attempts(split, corrected)] == [PRICE, PRICE]
    here.reconcile(after=DAY)
    here.reconcile(after=DAY)
    assert [one.cost_nano for one in here.attempts(split, corrected)] == [PRICE, 4_500_000]
    assert here.bookings(corrected)[-1] == ("adjust", 1_500_000)
    [one] = here.differences()
    assert (one["why"], one["booked"]["nano_usd"], one["bill"]["events"]) == ("several", PRICE, 2)


def test_a_price_that_changed_unseen_is_corrected_and_remembered(here: Billed) -> None:
    here.ended("a kite")
    here.sandbox.client.patch("/control/settings", json={"fal_prices": {ENDPOINT: "0.005"}})
    [job_id] = here.ended("another kite")
    [attempt] = here.attempts(job_id)
    assert (attempt.cost_nano, here.invoiced(attempt)) == (PRICE, 5_000_000)
    here.reconcile()
    assert here.job(job_id).cost_nano == 5_000_000
    [one] = here.differences()
    assert (one["why"], one["bill"]["unit_price_usd"], one["bill"]["sent_at_unit_price_usd"]) == (
        "price",
        "0.005",
        "0.003",
    )
    with here.runtime.database.work() as session:
        prices = session.connection().execute(
            text("SELECT CAST(usd AS text) FROM unit_price_history ORDER BY since")
        )
        assert list(prices.scalars()) == ["0.003", "0.005"]


def test_a_request_that_was_found_in_the_list_is_billed_like_any_other(here: Billed) -> None:
    [job_id] = here.ended("[sandbox:drop_after_accept] [sandbox:billing_discount=50] a")
    here.reconcile()
    [attempt] = here.attempts(job_id)
    assert (attempt.provider_request_id is not None, attempt.cost_nano) == (True, 1_500_000)


def test_quotes_go_by_what_was_billed(here: Billed) -> None:
    here.ended(*(f"[sandbox:billing_discount=10] {number}" for number in range(5)))
    here.sandbox.advance(30)
    with here.runtime.database.work() as session:
        session.connection().execute(
            text("UPDATE evidence_mark SET event_id = '00000000-0000-0000-0000-000000000000'")
        )
    learning.learn(here.runtime)
    lows = "SELECT array_agg(low_nano || '-' || high_nano || ' of ' || n) FROM price_evidence"
    with here.runtime.database.work() as session:
        assert session.connection().execute(text(lows)).scalar_one() == ["3000000-3000000 of 5"]
    here.reconcile()
    with here.runtime.database.work() as session:
        assert session.connection().execute(text(lows)).scalar_one() == ["2700000-2700000 of 5"]


def test_a_result_that_did_not_tell_its_units_is_known_by_its_bill(here: Billed) -> None:
    [job_id] = here.ended("[sandbox:no_units] a")
    assert here.job(job_id).cost_nano is None
    here.reconcile()
    assert (here.job(job_id).cost_nano, here.job(job_id).cost_basis) == (PRICE, Basis.PROVIDER_PRICE)
    assert [one["why"] for one in here.differences()] == ["learned"]


def test_what_the_catalogue_expected_is_final_once_it_is_billed(here: Billed) -> None:
    [job_id] = here.ended("a kite")
    with here.runtime.database.work() as session:
        for table in ("attempts", "jobs"):
            session.connection().execute(
                text(f"UPDATE {table} SET cost_basis = 'catalogue', cost_final = false")  # noqa: S608 - constants
            )
    before = here.bookings(job_id)
    here.reconcile()
    after = here.job(job_id)
    assert (after.cost_nano, after.cost_basis, after.cost_final) == (PRICE, Basis.CATALOGUE, True)
    assert (here.bookings(job_id), here.differences()) == (before, [])


def test_one_that_still_runs_is_booked_with_its_verdict_first(here: Billed) -> None:
    job_id = here.accept("[sandbox:slow=60] a")
    here.turn()
    [attempt] = here.attempts(job_id)
    book(here.runtime, attempt.id, Bill(1, 1, None, None, 1, None))
    assert [kind for kind, _ in here.bookings(job_id)] == ["reserve"]
    here.work()
    here.reconcile()
    assert here.attempts(job_id)[0].invoiced_nano == PRICE
