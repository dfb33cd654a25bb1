"""Erasing content: what may become of it at a provider, and what a job's requests come to together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a job is to go, and why: ``request`` or ``retention``."""

    prompt: bool
    assets: bool
    reason: str


class There(StrEnum):
    """How the erasure of one request stands at its provider."""

    PENDING = "pending"
    ERASED = "erased"
    # The provider knows no such request (any more), so it keeps nothing that could be named.
    ABSENT = "absent"
    # The provider has no call for it, or this key may not make it.
    IMPOSSIBLE = "impossible"
    # It was asked for long enough.
    FAILED = "failed"


GONE: Final = frozenset({There.ERASED, There.ABSENT})
UNDONE: Final = frozenset({There.IMPOSSIBLE, There.FAILED})

# A request that nobody has seen the end of may still be on its way: it is asked about for so long.
ABSENT_AFTER: Final = timedelta(days=1)
# fal.ai itself keeps payloads for thirty days.
GIVEN_UP_AFTER: Final = timedelta(days=30)

_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)
_DOUBLINGS: Final = 9


def together(states: Iterable[There]) -> str:
    """One word for all requests of a job: ``none`` where there are none, ``partly`` where some have gone."""
    seen = frozenset(states)
    if not seen:
        return "none"
    if There.PENDING in seen:
        return There.PENDING.value
    if seen <= GONE:
        return There.ERASED.value
    return "partly" if seen & GONE else _worst(seen)


def after_no_answer(*, missing: bool, permanent: bool, over: bool, age: timedelta) -> There:
    """What a request is after its provider did not erase it; ``over`` where its end was seen.

    ``missing`` and ``permanent`` are what the provider said; ``age`` counts from when erasing began.
    """
    if permanent:
        return There.IMPOSSIBLE
    if missing and (over or age >= ABSENT_AFTER):
        return There.ABSENT
    return There.FAILED if age >= GIVEN_UP_AFTER else There.PENDING


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries that have left something undone."""
    return min(_FIRST_PAUSE * (1 << min(tries, _DOUBLINGS)), _LONGEST_PAUSE)


def _worst(seen: Collection[There]) -> str:
    return There.FAILED.value if There.FAILED in seen else There.IMPOSSIBLE.value
