"""Asking providers what they charged, some time after each request, until they have said it or never will."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog

from domain.billing import CONFIRM, Why, hold, next_look
from providers.base import LookFailed
from providers.bills import Bill, Billed, BillSource
from services.costs.invoices import book
from services.runtime import Runtime
from storage.costs import invoices, invoices_finding
from storage.costs.invoices import Due
from storage.costs.invoices_finding import UNKNOWN_COSTS
from storage.database import Session

EVENTS: Final = 5_000
AT_ONCE: Final = 50
# A provider may take 20 s for an answer.
_LEASE: Final = timedelta(minutes=10)
_SWEEP_SECONDS: Final = 20.0

log = structlog.get_logger(__name__)


def sweep(runtime: Runtime, *, seconds: float = _SWEEP_SECONDS) -> None:
    """Find what has ended, and ask about all that is due; the next sweep goes on where this one ends."""
    end = monotonic() + seconds
    sources = _sources(runtime)
    for name in (UNKNOWN_COSTS, *sources):
        while monotonic() < end and _find(runtime, name):
            pass
    for name, source in sources.items():
        while monotonic() < end and _ask(runtime, name, source):
            pass


def _sources(runtime: Runtime) -> Mapping[str, BillSource]:
    return {
        name: provider.billing
        for name, provider in runtime.providers.items()
        if isinstance(provider, Billed) and provider.billing is not None
    }


def _find(runtime: Runtime, name: str) -> bool:
    available = runtime.available.get(name)
    sandbox = None if available is None else available.sandbox
    with runtime.database.work() as session:
        return invoices_finding.find(session, name, runtime.clock(), sandbox=sandbox, most=EVENTS)


def _ask(runtime: Runtime, name: str, source: BillSource) -> bool:
    """Ask one provider about some that are due; True where there may be more."""
    now = runtime.clock()
    until = now + _LEASE
    with runtime.database.work() as session:
        if invoices.is_held(session, name, now):
            return False
        due = invoices.claim(session, name, now=now, until=until, most=AT_ONCE)
    if not due:
        return False
    try:
        bills = source.bills([one.request_id for one in due], min(one.submitted_at for one in due), now)
    except LookFailed as error:
        with runtime.database.work() as session:
            _hold_back(runtime, session, name, error)
            invoices.give_back(session, [one.attempt_id for one in due], at=now, until=until)
        return False
    _write(runtime, name, due, bills)
    return len(due) == AT_ONCE


def _hold_back(runtime: Runtime, session: Session, name: str, error: LookFailed) -> None:
    asked = None if error.retry_after is None else timedelta(seconds=error.retry_after)
    wait = hold(invoices.failures(session, name), asked, permanent=error.permanent)
    invoices.hold_back(session, name, runtime.clock() + wait)
    log.warning("bills_not_read", provider=name, seconds=wait.total_seconds(), reason=str(error))


def _write(runtime: Runtime, name: str, due: Sequence[Due], bills: Mapping[str, Bill]) -> None:
    """Write down what was told, of most of them in one unit of work; what is news is booked one by one."""
    now = runtime.clock()
    nanos = {one.attempt_id: _nano(bills, one) for one in due}
    # Asked about once more, and nothing else has come.
    same = [
        one.attempt_id
        for one in due
        if one.invoiced_nano is not None and nanos[one.attempt_id] in {None, one.invoiced_nano}
    ]
    news = {one: nano for one, nano in nanos.items() if nano is not None and one not in same}
    with runtime.database.work() as session:
        invoices.answered(session, name)
        invoices.finish(session, same)
        agreed = invoices.agree(session, news, now)
        invoices.look_again(session, agreed, now + CONFIRM)
        _wait(session, [one for one in due if one.attempt_id not in {*news, *same}], bills, runtime)
    for one in due:
        if one.attempt_id in news and one.attempt_id not in agreed:
            book(runtime, one.attempt_id, bills[one.request_id])


def _nano(bills: Mapping[str, Bill], one: Due) -> int | None:
    bill = bills.get(one.request_id)
    return None if bill is None else bill.nano


def _wait(session: Session, due: Sequence[Due], bills: Mapping[str, Bill], runtime: Runtime) -> None:
    """Have those without a price asked about again, or never more."""
    now = runtime.clock()
    for one in due:
        wait = next_look(one.looks + 1)
        bill = bills.get(one.request_id)
        if wait is not None:
            invoices.look_again(session, [one.attempt_id], now + wait)
        elif one.cost_nano == 0 and (bill is None or bill.units == 0):
            # What cost nothing needs no bill.
            invoices.finish(session, [one.attempt_id])
        else:
            why = Why.NEVER_BILLED if bill is None else Why.NEVER_PRICED
            invoices.give_up(session, [one.attempt_id], why, now)
