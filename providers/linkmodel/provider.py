"""The LinkModel adapter: the provider protocol on LinkModel's media gateway."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from outbound.direct import DirectWire
from outbound.wire import AsyncWire
from providers.base import (
    Accepted,
    CancelAnswer,
    Handle,
    LookFailed,
    Observation,
    PayloadErased,
    Sighting,
    Submission,
    UnitPrice,
)
from providers.linkmodel import arguments, look, schedule, submit
from providers.sightings import Wanted

_NO_LIST: Final = "LinkModel has no list of tasks"
_CANNOT_ERASE: Final = (
    "LinkModel has no call to erase a task, and does not say how long it keeps one; "
    "its links end by themselves"
)
_CANNOT_CANCEL: Final = "LinkModel has no call to cancel a task: it runs to its end and may be billed"


class LinkModelProvider:
    """LinkModel, reached with one key at ``base_url``, such as ``https://api.linkmodel.ai/api/v1``.

    ``submit_timeout`` is in seconds and covers the create call.
    """

    name = "linkmodel"
    marker_field: str | None = None
    paced: bool = True

    def __init__(self, key: str, base_url: str, *, submit_timeout: float = 60.0) -> None:
        if not (key and key.isascii() and key.isprintable() and key == key.strip()):
            raise ValueError("LINKMODEL_API_KEY must be printable ASCII without spaces around it")
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": "darkroom",
        }
        self._submit_timeout = submit_timeout
        self._wire = DirectWire()

    def arguments(self, offer: Offer, given: GenerationInput) -> dict[str, Any]:
        """The body of the create call for the input, without ``model``; pure.

        Raises:
            Unsupported: the model has no such field, or does not take this value.
        """
        return arguments.arguments(offer, given)

    def unit_price(self, endpoint: str) -> UnitPrice | None:  # noqa: ARG002 - the protocol's signature
        """None: LinkModel names the price when it takes the request."""
        return None

    def submit(self, submission: Submission) -> Accepted:
        """Create a task with exactly one POST.

        Raises:
            NotAccepted: provably no task was made.
            OutcomeUnknown: a task may have been made.
        """
        return submit.submit(
            submission, self._wire, self._base_url, self._headers, timeout=self._submit_timeout
        )

    async def look(self, handle: Handle, wire: AsyncWire) -> Observation:
        """Ask once how the task stands.

        Raises:
            LookFailed: no verdict; look again later.
        """
        return await look.look(handle, wire, self._base_url, self._headers)

    def cancel(self, handle: Handle) -> CancelAnswer:  # noqa: ARG002 - the protocol's signature
        """Impossible at LinkModel, so nothing is sent."""
        return CancelAnswer("impossible", _CANNOT_CANCEL)

    def next_look(self, kind: Kind, age: float) -> float | None:
        """Seconds until the next look at a task of ``age`` seconds; None after LinkModel's 15 minutes."""
        return schedule.next_look(kind, age)

    def search(
        self,
        endpoint: str,  # noqa: ARG002 - the protocol's signature
        wanted: Sequence[Wanted],  # noqa: ARG002
        now: datetime,  # noqa: ARG002
    ) -> Mapping[str, Sighting]:
        """LinkModel lists no tasks, so nothing can be looked for; raises LookFailed."""
        raise LookFailed(_NO_LIST, permanent=True)

    def erase(self, request_id: str) -> PayloadErased:  # noqa: ARG002 - the protocol's signature
        """Impossible at LinkModel, so nothing is sent; raises LookFailed."""
        raise LookFailed(_CANNOT_ERASE, permanent=True)
