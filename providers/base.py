"""The protocol that every provider implements, with its value types and its errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from domain.costs import Cost
from domain.failures import Failure
from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from outbound.wire import AsyncWire
from providers.sightings import NotSeen, Wanted


class ProviderError(Exception):
    """What a provider call can end in besides its value.

    ProviderError
    ├── Unsupported      the offer cannot honour an input; nothing was sent
    ├── NotAccepted      the provider provably did not take the request: try again, elsewhere, or stop
    ├── OutcomeUnknown   the request may have been taken: never sent again by itself
    ├── LookFailed       a look (poll, cancel, price) brought no verdict: look again later
    ├── HookRefused      an inbound webhook is not the provider's, or cannot be shown to be
    └── HookUnverifiable the provider's keys cannot be had just now
    """


class Unsupported(ProviderError):  # noqa: N818 - names the fact
    """The offer cannot honour ``field`` of the input; ``reason`` says what it takes."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotAccepted(ProviderError):  # noqa: N818 - names the fact
    """Nothing was taken and nothing will be billed.

    ``retry_after`` is what the provider asked us to wait, in seconds. ``down`` where its being down would
    explain it: no connection, or an error of its own; ``everywhere`` where it limits all of its endpoints
    together, so that the wait is meant for each of them.
    """

    def __init__(
        self,
        failure: Failure,
        *,
        retry_after: float | None = None,
        down: bool = False,
        everywhere: bool = False,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after
        self.down = down
        self.everywhere = everywhere


class OutcomeUnknown(ProviderError):  # noqa: N818 - names the fact
    """The request left and no readable verdict came back."""


class LookFailed(ProviderError):  # noqa: N818 - names the fact
    """The provider could not be asked just now.

    ``missing`` when it says that it knows no such request; ``permanent`` when asking again will not help:
    this key may not ask that, or the provider has nothing of the kind.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        missing: bool = False,
        permanent: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.missing = missing
        self.permanent = permanent


class HookRefused(ProviderError):  # noqa: N818 - names the fact
    """The webhook is not the provider's, or cannot be shown to be."""


class HookUnverifiable(ProviderError):  # noqa: N818 - names the fact
    """The provider's public keys cannot be had just now, so nothing can be checked."""


@dataclass(frozen=True, slots=True)
class HookHint:
    """Which request a genuine webhook is about.

    ``gateway_request_id`` is the provider's own last try at it.
    """

    request_id: str
    gateway_request_id: str | None = None


class HookVerifier(Protocol):
    """Checks the webhooks that a provider sends."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> HookHint:
        """The request that a webhook is about; raises HookRefused or HookUnverifiable. It may fetch keys."""
        ...

    def check(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        """The same by the keys at hand, at once; None where these do not show it to be genuine."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt as it goes out: exactly one POST.

    ``arguments`` is the provider's own body, made by ``Provider.arguments``; ``token`` names the attempt in
    an inbound webhook; ``marker`` is to be sent along as the body's ``Provider.marker_field``;
    ``start_timeout`` is in seconds.
    """

    token: str
    kind: Kind
    endpoint: str
    arguments: Mapping[str, Any]
    priority: str = "normal"
    start_timeout: int | None = None
    hint: str | None = None
    zero_retention: bool = False
    object_lifetime: int | None = None
    webhook_url: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the request. ``price_nano`` is its fixed price; None when not (yet) named.

    ``accepted_at`` is when it took it, where that was learned only later; None is now.
    """

    request_id: str
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None
    price_nano: int | None = None
    queue_position: int | None = None
    sandbox: bool = False
    accepted_at: datetime | None = None


Sighting = Accepted | NotSeen


@dataclass(frozen=True, slots=True)
class Handle:
    """What is stored of an accepted request: all that a look needs, after any restart.

    ``unit_price`` is in dollars per ``unit`` as it stood at submit; ``expected_cost`` is the catalogue's
    figure for this request, the last resort where the provider names none. ``failed_looks`` is how many looks
    in a row brought no verdict.
    """

    request_id: str
    kind: Kind
    endpoint: str
    accepted_at: datetime
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None
    price_nano: int | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    expected_cost: Cost | None = None
    failed_looks: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One file that the provider made; ``extra`` files are stored too but are not what the job was for."""

    url: str
    content_type: str | None = None
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """Accepted, not yet running; ``position`` counts the requests ahead, None where it is not told."""

    position: int | None = None


@dataclass(frozen=True, slots=True)
class Generating:
    """A runner is at work."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The provider's verdict: done.

    ``inference_seconds`` is its own figure; ``filtered`` counts the files that its safety filter blanked.
    """

    outputs: tuple[Output, ...]
    cost: Cost
    inference_seconds: Decimal | None = None
    filtered: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's verdict: no result. ``canceled`` when it ended because someone asked for that."""

    failure: Failure
    cost: Cost
    canceled: bool = False
    inference_seconds: Decimal | None = None


Observation = Queued | Generating | Finished | Ended


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """What came of asking the provider to cancel.

    ``effect`` is ``removed`` (was waiting; nothing is billed), ``requested`` (a running request may still
    finish and be billed), ``too_late`` (it had finished), or ``impossible`` (this provider cannot cancel).
    """

    effect: str
    message: str


@dataclass(frozen=True, slots=True)
class PayloadErased:
    """What was asked and what was made are erased at the provider.

    ``files`` counts the made files that were removed there, ``files_left`` those that it could not remove.
    """

    files: int = 0
    files_left: int = 0


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What one billed unit of an endpoint costs, in dollars, by the provider's own word.

    ``read_at`` is when it was read; None is now.
    """

    usd: Decimal
    unit: str
    read_at: datetime | None = field(default=None, compare=False)


class Provider(Protocol):
    """A place where offers run. One instance a process; safe to use from several threads.

    ``marker_field`` is the field of a request's body that carries our own name for the attempt, by which it
    is found in the provider's list of requests; None where there is no such list. ``paced`` when the provider
    itself says how often it may be asked: ``next_look`` is then never to be outrun.
    """

    name: str
    marker_field: str | None
    paced: bool

    def arguments(self, offer: Offer, given: GenerationInput) -> dict[str, Any]:
        """The provider's own request body for the input; pure.

        Of the prompt only the length decides whether it is taken, and what is shorter is taken as well; of
        files only how many there are.

        Raises:
            Unsupported: the offer cannot honour a field, or a value is outside its limits.
        """
        ...

    def unit_price(self, endpoint: str) -> UnitPrice | None:
        """The price of one billed unit now; None where this provider names the price at submit instead.

        Raises:
            LookFailed: the provider's price list could not be read.
        """
        ...

    def submit(self, submission: Submission) -> Accepted:
        """Put exactly one POST on the wire.

        Raises:
            NotAccepted: provably not taken.
            OutcomeUnknown: may have been taken.
        """
        ...

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        """Ask once how the request stands, fetching the result when it is done.

        Raises:
            LookFailed: no verdict; look again later.
        """
        ...

    def cancel(self, handle: Handle) -> CancelAnswer:
        """Ask the provider to drop the request.

        Raises:
            LookFailed: no answer.
        """
        ...

    def next_look(self, kind: Kind, age: float) -> float | None:
        """Seconds until the next look at a request of ``age`` seconds; None when the schedule has ended."""
        ...

    def search(self, endpoint: str, wanted: Sequence[Wanted], now: datetime) -> Mapping[str, Sighting]:
        """Look for requests to ``endpoint`` in the provider's own list: each marker, and what was seen of it.

        Raises:
            LookFailed: the list could not be read; ``permanent`` where there is none for us.
        """
        ...

    def erase(self, request_id: str) -> PayloadErased:
        """Erase what the provider keeps of a request that has ended; again does no harm.

        Raises:
            LookFailed: it was not erased; ``missing`` where the provider knows no such request, ``permanent``
                where it has no call for it or this key may not make it.
        """
        ...
