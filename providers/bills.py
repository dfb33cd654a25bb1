"""What a provider is besides that tells, some time after its requests, what it charged for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Bill:
    """What is charged for one request, all of its events together, in nano-dollars after discounts.

    ``nano`` is None while any of them has no amount: that is not 0. ``subtotal_nano`` is before discounts.
    ``units`` and ``unit_price`` (dollars) are None where they are not told, or differ from event to event.
    ``at`` is the time of the newest event.
    """

    nano: int | None
    subtotal_nano: int | None
    units: Decimal | None
    unit_price: Decimal | None
    events: int
    at: datetime | None


class BillSource(Protocol):
    """A provider's own record of what it charged."""

    def bills(self, request_ids: Sequence[str], since: datetime, until: datetime) -> Mapping[str, Bill]:
        """What is told of the requests that were made, and ended, between the two times; others are left out.

        Raises:
            LookFailed: it could not be read; ``permanent`` where this key may not.
        """
        ...


@runtime_checkable
class Billed(Protocol):
    """A provider that has such a record; ``billing`` is None where nothing lets us read it."""

    billing: BillSource | None
