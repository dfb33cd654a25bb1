"""Bills that cannot be had for a while, and those that come twice, or in the middle of a crash."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from providers.bills import Bill
from providers.fal import FalProvider
from services import late
from services.costs import reconciling, rollup
from services.costs.invoices import book
from storage.database import Database, Session
from tests.support.billed import Billed, billed
from tests.support.scripted import ScriptedProvider

PRICE = 3_000_000


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Billed]:
    with billed(database_url, tmp_path) as made:
        yield made


def asked(here: Billed) -> int:
    """How often fal's billing was asked."""
    calls = here.sandbox.client.get("/control/requests").json()["calls"]
    return sum(call["path"].endswith("/billing-events") for call in calls)


@pytest.mark.parametrize("trouble", ["http_500", "rate_limited=600", "html_200", "drop_before_accept"])
def test_a_platform_that_does_not_answer_is_left_alone_for_a_while(here: Billed, trouble: str) -> None:
    [job_id] = here.ended("a kite")
    here.sandbox.plan("fal", trouble, on="billing")
    here.reconcile()
    assert (here.attempts(job_id)[0].invoiced_nano, asked(here)) == (None, 1)
    here.reconcile(after=30)
    assert asked(here) == 1
    here.reconcile(after=600)
    assert (here.attempts(job_id)[0].invoiced_nano, asked(here)) == (PRICE, 2)


def test_a_key_that_may_not_read_bills_is_not_tried_every_minute(here: Billed) -> None:
    [job_id] = here.ended("a kite")
    sandbox = here.sandbox
    fal = FalProvider(
        "sandbox-fal", sandbox.fal_queue_url, sandbox.fal_platform_url, admin_key="sandbox-plain"
    )
    wrong = replace(here, runtime=replace(here.runtime, providers={"fal": fal}))
    wrong.reconcile()
    wrong.reconcile(after=1800)
    assert asked(here) == 1
    here.reconcile(after=1801)
    assert here.attempts(job_id)[0].invoiced_nano == PRICE


def test_without_an_admin_key_nobody_is_asked_and_what_ended_meanwhile_is_found_later(here: Billed) -> None:
    sandbox = here.sandbox
    fal = FalProvider("sandbox-fal", sandbox.fal_queue_url, sandbox.fal_platform_url)
    without = replace(here, runtime=replace(here.runtime, providers={"fal": fal}))
    [job_id] = here.ended("a kite")
    without.reconcile()
    assert (here.kept(), asked(here)) == (0, 0)
    here.reconcile()
    here.reconcile()
    assert here.attempts(job_id)[0].invoiced_nano == PRICE


def test_one_that_dies_over_its_question_is_made_up_for(here: Billed) -> None:
    [job_id] = here.ended("a kite")
    here.sandbox.advance(120)
    rollup.sweep(here.runtime)
    with pytest.raises(KeyboardInterrupt):
        reconciling.sweep(replace(here.runtime, providers={"fal": _Dying("fal")}))
    reconciling.sweep(here.runtime)
    assert asked(here) == 0
    here.reconcile(after=601)
    assert here.attempts(job_id)[0].invoiced_nano == PRICE


class _Dying(ScriptedProvider):
    """A provider over whose bills the process is stopped."""

    @property
    def billing(self) -> "_Dying":
        return self

    def bills(self, *_: object) -> dict[str, object]:
        raise KeyboardInterrupt


def test_two_watchers_that_hear_the_same_bill_book_it_once(here: Billed) -> None:
    ids = here.ended(*(f"[sandbox:billing_discount=10] {number}" for number in range(8)))
    attempts = here.attempts(*ids)
    bill = Bill(2_700_000, PRICE, Decimal(1), Decimal("0.003"), 1, here.runtime.clock())
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: book(here.runtime, one.id, bill), [*attempts] * 4))
    for job_id in ids:
        assert sum(nano for kind, nano in here.bookings(job_id) if kind in {"settle", "adjust"}) == 2_700_000
        assert sum(kind == "adjust" for kind, _ in here.bookings(job_id)) == 1


def test_a_crash_before_the_commit_books_nothing_and_the_next_one_does(here: Billed) -> None:
    [job_id] = here.ended("[sandbox:billing_discount=10] a")
    here.sandbox.advance(120)
    rollup.sweep(here.runtime)
    with here.runtime.database.engine.connect() as other:
        # Somebody holds the job, and this process is stopped while it waits.
        other.execute(text("SELECT FROM jobs FOR UPDATE"))
        impatient = replace(here.runtime, database=_Impatient(here.runtime.database.url))
        with pytest.raises(OperationalError):
            reconciling.sweep(impatient)
        impatient.database.close()
    assert here.attempts(job_id)[0].invoiced_nano is None
    here.reconcile(after=601)
    assert here.bookings(job_id)[-1] == ("adjust", -300_000)


class _Impatient(Database):
    """A database that gives up at once where it would have to wait."""

    @contextmanager
    def work(self) -> Iterator[Session]:
        with super().work() as session:
            session.connection().execute(text("SET LOCAL lock_timeout = '50ms'"))
            yield session


def test_a_verdict_that_comes_after_the_bill_does_not_undo_it(here: Billed) -> None:
    [job_id] = here.ended("[sandbox:billing_discount=10] a")
    here.reconcile()
    with here.runtime.database.work() as session:
        session.connection().execute(
            text("UPDATE attempts SET status = 'failed', detected_at = NULL, error = '{}'")
        )
    [attempt] = here.attempts(job_id)
    assert late.is_given_up(attempt)
    late.settle(here.runtime, attempt.id)
    assert here.attempts(job_id)[0].cost_nano == 2_700_000
    assert sum(nano for kind, nano in here.bookings(job_id) if kind in {"settle", "adjust"}) == 2_700_000
