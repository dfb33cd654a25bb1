"""Whether a job that met a failure is tried again, where, and when: a pure decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.costs import Cost
from domain.failures import MARKER_REFUSED, ErrorCode, Failure

DEFAULT_MAX_ATTEMPTS: Final = 3
GIVE_UP_SECONDS: Final = 3600.0
# A provider that is busy for longer than this is not waited for where another offer may run the job.
SHORT_WAIT_SECONDS: Final = 30.0
_LONGEST_PAUSE: Final = 60.0

# What stays wrong wherever it is sent, or what only a person can mend.
_FINAL: Final = frozenset({ErrorCode.CONTENT_POLICY, ErrorCode.INVALID_INPUT, ErrorCode.INSUFFICIENT_FUNDS})


@dataclass(frozen=True, slots=True)
class Again:
    """Try the offer at ``position`` of the plan after ``delay`` seconds."""

    position: int
    delay: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How far a job has come.

    ``exhausted`` marks the offers that will keep refusing; ``age`` is in seconds since the first try;
    ``taken`` counts the attempts that a provider accepted, ``refusals`` those that none did; ``most`` is how
    many may be accepted in all.
    """

    position: int
    exhausted: Sequence[bool]
    taken: int
    refusals: int
    age: float
    fallback: bool
    most: int = DEFAULT_MAX_ATTEMPTS


def after_refusal(failure: Failure, tried: Tried, *, retry_after: float | None) -> Again | None:
    """What follows a submit that was provably not accepted: another offer, the same again, or None to stop.

    Nothing was billed, so it is bounded by time and not by number; to be asked to wait is no failure at all,
    and only the job's own deadline ends that.
    """
    asked = _pause(tried.refusals) if retry_after is None else min(retry_after, GIVE_UP_SECONDS)
    if failure.provider_code == MARKER_REFUSED and tried.age <= GIVE_UP_SECONDS:
        return Again(tried.position, asked)
    if failure.busy:
        elsewhere = _next(failure, tried, pause=asked) if asked > SHORT_WAIT_SECONDS else None
        return elsewhere or Again(tried.position, asked)
    if failure.code in _FINAL or not (failure.retryable or failure.elsewhere) or tried.age > GIVE_UP_SECONDS:
        return None
    return _next(failure, tried, pause=asked)


def after_verdict(failure: Failure, cost: Cost, tried: Tried) -> Again | None:
    """What follows the provider's verdict that a generation failed.

    Tried again only where the provider says that it may help and the failed attempt was certainly free:
    an attempt that may have been billed is never repeated by itself.
    """
    if cost.nano != 0 or failure.code in _FINAL or not (failure.retryable or failure.elsewhere):
        return None
    if failure.provider_code == MARKER_REFUSED:
        # Our own doing, and mended: it takes no try away, and no other offer is called for.
        return Again(tried.position, 0.0) if tried.taken <= tried.most else None
    if tried.taken >= tried.most:
        return None
    return _next(failure, tried, pause=_pause(tried.taken))


def others(position: int, exhausted: Sequence[bool]) -> list[int]:
    """The other offers of a plan that may still take the job, in the order in which they follow."""
    count = len(exhausted)
    order = [(position + step) % count for step in range(1, count)]
    return [other for other in order if not exhausted[other]]


def _next(failure: Failure, tried: Tried, *, pause: float) -> Again | None:
    if tried.fallback and (order := others(tried.position, tried.exhausted)):
        wrapped = order[0] < tried.position
        return Again(order[0], pause if wrapped else 0.0)
    stuck = failure.elsewhere or tried.exhausted[tried.position]
    return None if stuck else Again(tried.position, pause)


def _pause(tries: int) -> float:
    return min(2.0 ** min(max(tries - 1, 0), 10), _LONGEST_PAUSE)
