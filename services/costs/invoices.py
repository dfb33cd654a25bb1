"""Booking what a provider billed: the ledger follows by an adjustment, and what was learned of prices too."""

from uuid import UUID

import structlog

from domain.billing import CONFIRM, why_different
from domain.costs import Basis, Cost
from domain.evidence import Sample
from domain.lifecycle import AttemptStatus
from providers.bills import Bill
from services import late
from services.prices import learning
from services.runtime import Runtime
from storage import jobs, prices
from storage.costs import invoices
from storage.costs.invoices import Told
from storage.database import Session
from storage.evidence import Ended
from storage.records import AttemptRecord

_OPEN = frozenset({AttemptStatus.SUBMITTING, AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})

log = structlog.get_logger(__name__)


def book(runtime: Runtime, attempt_id: UUID, bill: Bill) -> None:
    """Have an attempt cost what was billed for it, once, however often this is done."""
    with runtime.database.work() as session:
        _book(runtime, session, attempt_id, bill)


def _book(runtime: Runtime, session: Session, attempt_id: UUID, bill: Bill) -> None:
    job, attempt = jobs.lock_attempt(session, attempt_id)
    now = runtime.clock()
    if bill.nano is None or attempt.status in _OPEN or attempt.invoiced_nano == bill.nano:
        # One that is not over is booked with its verdict first; another one is booked already.
        invoices.look_again(session, [attempt_id], now + CONFIRM)
        return
    before, evidence = attempt.cost_nano, learning.taken(job, attempt)
    basis = Basis.PROVIDER_PRICE if before != bill.nano or attempt.cost_basis is None else attempt.cost_basis
    units = attempt.billed_units if bill.units is None else bill.units
    cost = Cost(bill.nano, Basis(basis), final=True, units=units)
    late.book_anew(session, job, attempt, cost, now)
    attempt.invoiced_nano = bill.nano
    if before == bill.nano:
        invoices.look_again(session, [attempt_id], now + CONFIRM)
    else:
        # What was reckoned for starting a runner is part of the bill, or was not billed.
        attempt.spin_up_nano = None
        invoices.keep(session, attempt_id, _told(attempt, bill, before), now=now, at=now + CONFIRM)
        _learn(runtime, session, attempt, bill, evidence)
        log.info("billed_otherwise", attempt_id=str(attempt_id), booked_nano=before, invoiced_nano=bill.nano)
    data = {"booked_nano": before, "invoiced_nano": bill.nano}
    jobs.note(session, job.id, "invoiced", now, attempt=attempt.number, data=data)
    late.add_up(runtime, session, job)


def _told(attempt: AttemptRecord, bill: Bill, before: int | None) -> Told:
    why = why_different(
        booked_nano=before,
        subtotal_nano=bill.subtotal_nano,
        nano=bill.nano or 0,
        events=bill.events,
        sent_at=attempt.unit_price,
        unit_price=bill.unit_price,
    )
    return Told(why, before, bill.subtotal_nano, bill.events, bill.units, bill.unit_price)


def _learn(
    runtime: Runtime, session: Session, attempt: AttemptRecord, bill: Bill, evidence: Ended | None
) -> None:
    """Have quotes go by the bill: its unit price is the provider's, unless a newer one is known."""
    other_price = bill.unit_price is not None and bill.unit_price != attempt.unit_price
    if evidence is not None and bill.nano is not None:
        learning.correct(runtime, session, evidence, None if other_price else Sample(evidence.at, bill.nano))
    if other_price and bill.unit_price is not None and bill.at is not None and attempt.unit is not None:
        prices.remember(
            session,
            provider=attempt.provider,
            endpoint=attempt.endpoint,
            usd=bill.unit_price,
            unit=attempt.unit,
            at=bill.at,
        )
