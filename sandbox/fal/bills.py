"""What fal charges for a request beside units times price, and in which events its billing tells that."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sandbox.fal import billing
from sandbox.fal.record import FalRequest

_HUNDRED: Final = Decimal(100)
_LATE_SECONDS: Final = 60
_PARTS: Final = 2
_DISCOUNT: Final = 10


@dataclass(frozen=True, slots=True)
class Charge:
    """One billing event: seen from ``seen_at`` on, with amounts from ``priced_at`` on (None: never).

    ``subtotal`` is units times price, ``nano`` what of it is charged, both in nano-dollars.
    """

    record: FalRequest
    at: datetime
    units: Decimal
    subtotal: int
    nano: int
    percent: Decimal | None
    seen_at: datetime
    priced_at: datetime | None

    def priced(self, now: datetime) -> bool:
        """Whether its amounts are told by now."""
        return self.priced_at is not None and self.priced_at <= now


def charged(record: FalRequest, units: Decimal) -> int:
    """What the request costs in the end, in nano-dollars: all of its events together."""
    ended = record.ended_at or record.submitted_at
    return sum(one.nano for one in charges(record, units, ended, delay=0))


def charges(record: FalRequest, units: Decimal, ended: datetime, *, delay: float) -> list[Charge]:
    """The events that bill a request; ``delay`` is how many seconds they come late by themselves."""
    script = record.script
    seen = ended + timedelta(seconds=script.seconds("billing_late", _LATE_SECONDS) or delay)
    waits = script.get("billing_unpriced")
    priced = seen if waits is None else None
    if waits is not None and waits.value:
        priced = seen + timedelta(seconds=waits.number(0))
    parts = max(int(script.seconds("billing_split", _PARTS)), 1)
    found = [_charge(record, part, ended, seen, priced) for part in _split(units, parts)]
    if script.has("billing_corrected"):
        later = seen + timedelta(seconds=script.seconds("billing_corrected", _LATE_SECONDS))
        found.append(_charge(record, units / 2, later, later, later))
    return found


def _split(units: Decimal, parts: int) -> list[Decimal]:
    """As many parts as there are to be; the last one is what remains."""
    part = (units / parts).quantize(Decimal("0.0001"))
    return [*[part] * (parts - 1), units - part * (parts - 1)]


def _charge(
    record: FalRequest, units: Decimal, at: datetime, seen_at: datetime, priced_at: datetime | None
) -> Charge:
    discount = record.script.get("billing_discount")
    percent = None if discount is None else Decimal(str(discount.number(_DISCOUNT)))
    subtotal = billing.nano_usd(record.endpoint, units)
    off = 0 if percent is None else int(subtotal * percent / _HUNDRED)
    return Charge(record, at, units, subtotal, subtotal - off, percent, seen_at, priced_at)
