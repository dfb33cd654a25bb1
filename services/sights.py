"""What goes into a look at an open generation, what comes out of it, and when the next one is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.costs import Basis, Cost
from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.timeline import Phase, queued_phase
from providers.base import Ended, Finished, Handle, LookFailed, Observation, Queued, UnitPrice
from services import lanes
from services.runtime import Runtime
from storage.records import AttemptRecord, JobRecord
from storage.steps.looking import LookRow

LONGEST_PAUSE: Final = 60.0

Result = Observation | LookFailed


@dataclass(frozen=True, slots=True)
class Open:
    """An accepted request that is due for a look.

    ``cancel`` when its cancel must be asked for first; ``troubled`` when the last look brought nothing, or
    the job waits in review; ``of_batch`` when it is the row of a batch.
    """

    job_id: UUID
    attempt_id: UUID
    provider: str
    handle: Handle
    phase: str | None
    position: int | None
    cancel: bool
    troubled: bool
    of_batch: bool = False

    @property
    def lane(self) -> Lane:
        """Where it runs."""
        return Lane(self.provider, self.handle.endpoint)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: an observation, or why there was none.

    ``price`` is what one billed unit costs, where that could not be had before.
    """

    open: Open
    result: Result
    at: datetime
    price: UnitPrice | None = None

    @property
    def age(self) -> float:
        """How old the request was, in seconds."""
        return max((self.at - self.open.handle.accepted_at).total_seconds(), 0.0)

    @property
    def position(self) -> int | None:
        """How many are ahead of it; None where it waits no more, or that is not told."""
        return self.result.position if isinstance(self.result, Queued) else None

    @property
    def phase(self) -> Phase:
        """Where it stands by this look; after one that failed, where it was seen last."""
        last = Phase(self.open.phase) if self.open.phase else None
        if isinstance(self.result, Queued):
            return queued_phase(self.result.position, last)
        if isinstance(self.result, LookFailed):
            return last or Phase.PROVIDER_QUEUE
        return Phase.GENERATION


@dataclass(frozen=True, slots=True)
class Sight:
    """A look, and how many seconds after it the next is due; None when the provider's schedule has ended."""

    look: Look
    interval: float | None

    @property
    def nothing_new(self) -> bool:
        """Whether all that follows is the time of the next look."""
        look = self.look
        if isinstance(look.result, LookFailed | Finished | Ended) or look.open.troubled:
            return False
        same = look.phase == look.open.phase and look.position == look.open.position
        return same and self.interval is not None


def sight_of(runtime: Runtime, look: Look) -> Sight:
    """A look with the time of the next."""
    one = look.open
    if one.provider not in runtime.providers:
        return Sight(look, LONGEST_PAUSE)
    if isinstance(look.result, LookFailed):
        # Nothing was seen, so nothing learned helps: how soon it may be asked again is all that counts.
        return Sight(look, runtime.providers[one.provider].next_look(one.handle.kind, look.age))
    at_work = look.phase is Phase.GENERATION
    pause = lanes.next_look(runtime, one.lane, one.handle.kind, age=look.age, generating=at_work)
    return Sight(look, pause)


def open_of(row: LookRow) -> Open:
    """What is to be asked about an undecided attempt."""
    return Open(
        job_id=row.job_id,
        attempt_id=row.attempt_id,
        provider=row.provider,
        handle=_handle(row.kind, row.request_id, row.accepted_at, row),
        phase=row.phase,
        position=row.position,
        cancel=row.cancel,
        troubled=row.troubles > 0 or row.waits,
        of_batch=row.of_batch,
    )


def handle_of(job: JobRecord, attempt: AttemptRecord) -> Handle:
    """All that the provider's adapter needs to know of an accepted request."""
    taken = attempt.accepted_at or attempt.submitted_at
    return _handle(job.kind, attempt.provider_request_id or "", taken, attempt)


def _handle(kind: str, request_id: str, accepted_at: datetime, attempt: AttemptRecord | LookRow) -> Handle:
    expected = attempt.expected_nano
    return Handle(
        request_id=request_id,
        kind=Kind(kind),
        endpoint=attempt.endpoint,
        accepted_at=accepted_at,
        status_url=attempt.status_url,
        response_url=attempt.response_url,
        cancel_url=attempt.cancel_url,
        price_nano=attempt.price_nano,
        unit=attempt.unit,
        unit_price=attempt.unit_price,
        expected_cost=None if expected is None else Cost(expected, Basis.CATALOGUE, final=False),
        failed_looks=attempt.troubles,
    )
