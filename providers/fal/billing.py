"""What a result cost, by its billed units, and what one unit costs (fal queue contract, section 9)."""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost, from_units
from domain.money import MoneyError
from domain.offers import is_gpu_second
from outbound.wire import Request, Wire, WireError
from providers.base import Handle, LookFailed, UnitPrice
from providers.fal.answers import Unreadable, amount, parse_object

UNITS: Final = "x-fal-billable-units"
PRICE_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 15.0
PRICE_TTL_SECONDS: Final = 60.0
# So many the list takes in one question (fal platform contract, pricing).
MOST_ENDPOINTS: Final = 50
_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500


def cost_of_result(headers: Mapping[str, str], handle: Handle, worked: Decimal | None = None) -> Cost:
    """The cost of a delivered result: billed units times the price at submit, else the expected figure.

    An application of one's own is billed by the life of its runners, which no header tells of one request:
    there ``worked``, the seconds that the runner was at it, stand for the units, and never finally.
    """
    expected = handle.expected_cost or UNKNOWN_COST
    if UNITS not in headers:
        by_time = handle.unit is not None and is_gpu_second(handle.unit)
        imputed = from_units(worked, handle.unit_price, basis=Basis.GPU_SECONDS) if by_time else UNKNOWN_COST
        return expected if imputed.nano is None else replace(imputed, final=False)
    cost = _billed(headers, handle)
    if cost.nano is None and cost.units is not None:
        return replace(expected, units=cost.units)
    return cost


def cost_of_failure(status: int, headers: Mapping[str, str], handle: Handle) -> Cost:
    """The cost of a failed request: nothing from 500 up, billed units below; without them it is not known."""
    return NOT_BILLED if status >= _SERVER_ERROR else _billed(headers, handle)


def _billed(headers: Mapping[str, str], handle: Handle) -> Cost:
    text = headers.get(UNITS, "").strip()
    units = Decimal(text) if _NUMBER.fullmatch(text) else None
    try:
        return from_units(units, handle.unit_price)
    except MoneyError:
        return Cost(None, None, final=False, units=units)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PriceList:
    """Unit prices from fal's platform API, each kept for a minute; safe to use from several threads.

    ``now`` is the wall clock, by which each price says when it was read.
    """

    def __init__(
        self,
        key: str,
        platform_url: str,
        wire: Wire,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._headers = {"Authorization": f"Key {key}"}
        self._url = f"{platform_url.rstrip('/')}/models/pricing"
        self._wire = wire
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, UnitPrice]] = {}
        self._quiet: dict[str, float] = {}

    def unit_price(self, endpoint: str) -> UnitPrice:
        """The price of one unit of ``endpoint``, in dollars.

        Raises:
            LookFailed: the list could not be read, does not name the endpoint, or is not in dollars.
        """
        now = self._clock()
        with self._lock:
            kept = self._kept.get(endpoint)
            quiet = now < self._quiet.get(endpoint, now)
        if kept is not None and now < kept[0]:
            return kept[1]
        if quiet:
            raise LookFailed(f"fal.ai's price list had no price of {endpoint} just now")
        try:
            price = self._ask(endpoint)
        except LookFailed:
            # What cannot be had must not hold up every submit for as long as one question takes; and an
            # endpoint that the list chokes on must not take the others' prices away.
            with self._lock:
                self._quiet[endpoint] = self._clock() + QUIET_SECONDS
            raise
        with self._lock:
            self._kept = {name: item for name, item in self._kept.items() if now < item[0]}
            self._kept[endpoint] = (now + PRICE_TTL_SECONDS, price)
        return price

    def unit_prices(self, endpoints: Sequence[str]) -> dict[str, UnitPrice | None]:
        """The prices of many endpoints just now, asked together; None for one that has no price in dollars.

        Raises:
            LookFailed: the list could not be read.
        """
        found: dict[str, UnitPrice | None] = dict.fromkeys(endpoints)
        for start in range(0, len(endpoints), MOST_ENDPOINTS):
            rows = self._rows(endpoints[start : start + MOST_ENDPOINTS])
            read_at = self._now()
            found |= {name: _dollars(row, read_at) for name, row in rows.items() if name in found}
        now = self._clock()
        with self._lock:
            for name, price in found.items():
                if price is not None:
                    self._kept[name] = (now + PRICE_TTL_SECONDS, price)
        return found

    def _ask(self, endpoint: str) -> UnitPrice:
        row = self._rows([endpoint]).get(endpoint)
        if row is None:
            raise LookFailed(f"fal.ai's price list does not name {endpoint}")
        return _price(row, endpoint, self._now())

    def _rows(self, endpoints: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What the list says of the endpoints that it names: none, where it knows none of them."""
        asked = urlencode([("endpoint_id", endpoint) for endpoint in endpoints])
        try:
            reply = self._wire.call(
                Request("GET", f"{self._url}?{asked}", self._headers), timeout=PRICE_SECONDS
            )
            if reply.status == _NOT_FOUND:
                return self._rows_apart(endpoints)
            if not reply.ok:
                raise LookFailed(f"fal.ai's price list answered {reply.status}")
            rows = parse_object(reply.body).get("prices")
        except (WireError, Unreadable) as error:
            raise LookFailed(f"fal.ai's price list could not be read: {error}") from error
        listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return {str(row.get("endpoint_id")): row for row in listed}

    def _rows_apart(self, endpoints: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """One that the list does not know must not hide the others: it is asked about each half by itself."""
        if len(endpoints) == 1:
            return {}
        half = len(endpoints) // 2
        return self._rows(endpoints[:half]) | self._rows(endpoints[half:])


def _dollars(row: Mapping[str, Any], read_at: datetime) -> UnitPrice | None:
    try:
        return _price(row, str(row.get("endpoint_id")), read_at)
    except LookFailed:
        return None


def _price(row: Mapping[str, Any], endpoint: str, read_at: datetime) -> UnitPrice:
    if str(row.get("currency", "")).upper() != "USD":
        raise LookFailed(f"fal.ai prices {endpoint} in {row.get('currency')!r}, not in USD")
    price = amount(row.get("unit_price"))
    if price is None:
        raise LookFailed(f"fal.ai's price of {endpoint} is not an amount: {row.get('unit_price')!r}")
    return UnitPrice(price, str(row.get("unit") or "unit"), read_at)
