"""What fal charged for requests, read from its billing events (fal platform contract, billing events)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from urllib.parse import urlencode

from domain.money import MAX_NANO_USD, NANO_PER_USD
from outbound.retry_after import retry_after
from outbound.wire import Reply, Request, Wire, WireError
from providers.base import LookFailed
from providers.bills import Bill
from providers.fal.answers import Unreadable, parse_object
from providers.fal.moments import moment, stamp

BILL_SECONDS: Final = 20.0
MOST_REQUESTS: Final = 50
MOST_PAGES: Final = 20
PAGE: Final = 10_000
# The longest span that one question may have is ninety days.
SPAN: Final = timedelta(days=89)
# fal's clock and ours may differ, and both round.
SKEW: Final = timedelta(minutes=10)
_MOST_DIGITS: Final = 30
_REFUSED_KEY: Final = frozenset({401, 403})
_NO_ADMIN_KEY: Final = (
    "fal.ai lets only an admin key read its billing events ({status}): set FAL_ADMIN_KEY to one of the same "
    "account"
)

Event = Mapping[str, Any]


class BillingEvents:
    """The billing events of an account; ``key`` has to be an admin key of it."""

    def __init__(self, key: str, platform_url: str, wire: Wire) -> None:
        self._headers = {"Authorization": f"Key {key}", "Accept": "application/json"}
        self._url = f"{platform_url.rstrip('/')}/models/billing-events"
        self._wire = wire

    def bills(self, request_ids: Sequence[str], since: datetime, until: datetime) -> Mapping[str, Bill]:
        """What fal charged for each request that its billing knows by now; others are left out.

        Raises:
            LookFailed: it could not be read; ``permanent`` where this key may not.
        """
        found: dict[str, list[Event]] = defaultdict(list)
        span = {
            "start": stamp(max(since - SKEW, until - SPAN)),
            "end": stamp(until + SKEW),
            "limit": str(PAGE),
        }
        for start in range(0, len(request_ids), MOST_REQUESTS):
            wanted = request_ids[start : start + MOST_REQUESTS]
            for event in self._events([("request_id", one) for one in wanted], span):
                request_id = event.get("request_id")
                if request_id in wanted:
                    found[str(request_id)].append(event)
        return {request_id: _bill(events) for request_id, events in found.items()}

    def _events(self, wanted: list[tuple[str, str]], span: Mapping[str, str]) -> Iterator[Event]:
        cursor: list[tuple[str, str]] = []
        for _ in range(MOST_PAGES):
            page = self._page([*wanted, *span.items(), *cursor])
            events, following = page.get("billing_events"), page.get("next_cursor")
            if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
                raise LookFailed("fal.ai's billing events could not be read: the answer holds none")
            yield from events
            if not isinstance(following, str) or not following:
                return
            cursor = [("cursor", following)]
        # What is only half read would be too little to go by.
        raise LookFailed(f"fal.ai's billing events have more than {MOST_PAGES} pages")

    def _page(self, asked: Sequence[tuple[str, str]]) -> Event:
        try:
            reply = self._wire.call(
                Request("GET", f"{self._url}?{urlencode(asked)}", self._headers), timeout=BILL_SECONDS
            )
            if not reply.ok:
                raise _refused(reply)
            return parse_object(reply.body)
        except WireError as error:
            raise LookFailed(f"fal.ai's billing events could not be asked for: {error}") from error
        except Unreadable as error:
            raise LookFailed(f"fal.ai's billing events could not be read: {error}") from error


def _bill(events: Sequence[Event]) -> Bill:
    charges = [_charge(event) for event in events]
    known = [charge for charge in charges if charge is not None]
    total = sum(known) if len(known) == len(charges) else None
    subtotals = [_nano(_number(event.get("cost_subtotal"))) for event in events]
    told = [subtotal for subtotal in subtotals if subtotal is not None]
    units = [_number(event.get("output_units")) for event in events]
    counted = [one for one in units if one is not None]
    prices = {_number(event.get("unit_price")) for event in events}
    return Bill(
        # Less than nothing is nobody's cost: a credit will be followed by what it is for.
        nano=total if total is not None and 0 <= total <= MAX_NANO_USD else None,
        subtotal_nano=sum(told) if len(told) == len(subtotals) else None,
        units=sum(counted, Decimal(0)) if len(counted) == len(units) else None,
        unit_price=prices.pop() if len(prices) == 1 else None,
        events=len(events),
        at=max((at for event in events if (at := moment(event.get("timestamp")))), default=None),
    )


def _charge(event: Event) -> int | None:
    """What one event charges in nano-dollars; None where it is not priced yet, which may look like 0.

    fal tells it twice: the figure in nano-dollars is taken for what rounding leaves open in the dollars.
    """
    exact = _nano(_number(event.get("cost_estimate_nano_usd")), per_dollar=1)
    total = _nano(_number(event.get("cost_total")))
    charge = exact if total is None or (exact is not None and abs(exact - total) <= 1) else total
    if charge == 0 and (_number(event.get("output_units")) is None or event.get("unit_price") is None):
        return None
    return charge


def _number(value: object) -> Decimal | None:
    """A JSON number, also one below zero: what was charged too much may be taken back."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    # Beyond that it is nobody's amount, and no column holds every exponent.
    return number if not number or abs(number.adjusted()) <= _MOST_DIGITS else None


def _nano(amount: Decimal | None, per_dollar: int = NANO_PER_USD) -> int | None:
    """Whole nano-dollars; None for what no ledger can hold."""
    if amount is None or abs(amount) > Decimal(MAX_NANO_USD) / per_dollar:
        return None
    return int((amount * per_dollar).to_integral_value(ROUND_HALF_UP))


def _refused(reply: Reply) -> LookFailed:
    if reply.status in _REFUSED_KEY:
        return LookFailed(_NO_ADMIN_KEY.format(status=reply.status), permanent=True)
    return LookFailed(
        f"fal.ai answered {reply.status} to the question for billing events",
        retry_after=retry_after(reply.headers.get("retry-after"), datetime.now(UTC)),
    )
