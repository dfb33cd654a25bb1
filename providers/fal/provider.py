"""The fal.ai provider: the protocol's methods, each handed to the part that knows how."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from outbound.direct import DirectWire
from outbound.wire import AsyncWire, Wire
from providers.base import (
    Accepted,
    CancelAnswer,
    Handle,
    Observation,
    PayloadErased,
    Sighting,
    Submission,
    UnitPrice,
)
from providers.bills import BillSource
from providers.fal.arguments import arguments
from providers.fal.billing import PriceList
from providers.fal.billing_events import BillingEvents
from providers.fal.client import QueueClient
from providers.fal.erasing import Payloads
from providers.fal.listing import RequestList
from providers.fal.look import Looker
from providers.fal.marker import MARKER
from providers.fal.schedule import next_look
from providers.fal.urls import Queue
from providers.sightings import Wanted

SUBMIT_SECONDS: Final = 60.0


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


class FalProvider:
    """fal.ai behind ``providers.base.Provider``. One instance a process; safe to use from several threads.

    ``key`` is an API key; ``queue_url`` and ``platform_url`` are base addresses, plain http for an emulator.
    ``admin_key`` is one of the same account that may erase, and read its list of requests, where ``key`` may
    not; without one there is no ``billing`` to read.
    """

    name: str = "fal"
    marker_field: str | None = MARKER
    paced: bool = False

    def __init__(
        self,
        key: str,
        queue_url: str,
        platform_url: str,
        *,
        admin_key: str | None = None,
        submit_timeout: float = SUBMIT_SECONDS,
        clock: Callable[[], datetime] = utc_now,
        wire: Wire | None = None,
    ) -> None:
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError("the fal key must be printable ASCII without line breaks: check FAL_KEY")
        if admin_key is not None and not (admin_key.isascii() and admin_key.isprintable()):
            raise ValueError("the fal admin key must be printable ASCII: check FAL_ADMIN_KEY")
        queue = Queue(queue_url)
        wire = wire or DirectWire()
        self._client = QueueClient(key, queue, wire, clock, submit_timeout)
        self._prices = PriceList(key, platform_url, wire, now=clock)
        self._looker = Looker(key, queue, clock)
        self._list = RequestList(admin_key or key, platform_url, queue, wire)
        self._payloads = Payloads(admin_key or key, platform_url, wire)
        self.billing: BillSource | None = None
        if admin_key is not None:
            self.billing = BillingEvents(admin_key, platform_url, wire)

    def arguments(self, offer: Offer, given: GenerationInput) -> dict[str, Any]:
        """The body for the offer's endpoint; raises Unsupported."""
        return arguments(offer.endpoint, given)

    def unit_price(self, endpoint: str) -> UnitPrice:
        """The price of one billed unit now; raises LookFailed."""
        return self._prices.unit_price(endpoint)

    def unit_prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice | None]:
        """The prices of many endpoints now; None for one without a price in dollars; raises LookFailed."""
        return self._prices.unit_prices(endpoints)

    def submit(self, submission: Submission) -> Accepted:
        """Put exactly one POST on the wire; raises NotAccepted or OutcomeUnknown."""
        return self._client.submit(submission)

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        """Ask once how the request stands; raises LookFailed."""
        return await self._looker.look(handle, wire)

    def cancel(self, handle: Handle) -> CancelAnswer:
        """Ask fal to drop the request; raises LookFailed."""
        return self._client.cancel(handle)

    def next_look(self, kind: Kind, age: float) -> float:  # noqa: ARG002 - the same for both kinds here
        """Seconds until the next look at a request of ``age`` seconds; never None."""
        return next_look(age)

    def search(self, endpoint: str, wanted: Sequence[Wanted], now: datetime) -> Mapping[str, Sighting]:
        """Look for lost requests in the account's list of requests; raises LookFailed."""
        return self._list.search(endpoint, wanted, now)

    def erase(self, request_id: str) -> PayloadErased:
        """Erase what fal keeps of a request that has ended, with the admin key; raises LookFailed."""
        return self._payloads.erase(request_id)
