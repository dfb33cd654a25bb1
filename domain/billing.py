"""How often a provider is asked what it charged, and what it means when that is not what was booked."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

# After the end of a request, and then after each answer that did not tell its price: ten days in all.
FIRST_LOOK: Final = timedelta(minutes=1)
_NEXT_LOOKS: Final = (
    timedelta(minutes=4),
    timedelta(minutes=25),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=6),
)
# What was told is asked for once more a day later: corrections come as further events.
CONFIRM: Final = timedelta(days=1)
_SHORTEST_HOLD: Final = timedelta(minutes=1)
_LONGEST_HOLD: Final = timedelta(hours=1)


class Why(StrEnum):
    """What is to be told of an attempt's bill."""

    UNKNOWN = "unknown"
    LEARNED = "learned"
    DISCOUNT = "discount"
    PRICE = "price"
    UNITS = "units"
    SEVERAL = "several"
    OTHER = "other"
    NEVER_BILLED = "never_billed"
    NEVER_PRICED = "never_priced"


def next_look(looks: int) -> timedelta | None:
    """How long to wait after so many answers without a price; None when that was the last one."""
    return _NEXT_LOOKS[looks - 1] if looks <= len(_NEXT_LOOKS) else None


def hold(failures: int, retry_after: timedelta | None, *, permanent: bool) -> timedelta:
    """How long to leave a provider alone whose answer could not be had, after so many failures in a row."""
    wait = _LONGEST_HOLD if permanent else min(_SHORTEST_HOLD * 2 ** min(failures, 10), _LONGEST_HOLD)
    return max(wait, retry_after or wait)


def why_different(
    *,
    booked_nano: int | None,
    subtotal_nano: int | None,
    nano: int,
    events: int,
    sent_at: Decimal | None,
    unit_price: Decimal | None,
) -> Why:
    """Why a bill is not what was booked, as far as it tells; prices are in dollars per unit.

    ``sent_at`` is the unit price that the request was sent at.
    """
    if booked_nano is None:
        return Why.LEARNED
    if sent_at is not None and unit_price is not None and sent_at != unit_price:
        return Why.PRICE
    if subtotal_nano is not None and subtotal_nano != nano:
        return Why.DISCOUNT
    if events > 1:
        return Why.SEVERAL
    return Why.OTHER if sent_at is None or unit_price is None else Why.UNITS
