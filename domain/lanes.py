"""Lanes: one endpoint at one provider, and what a piece of work can learn of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """One endpoint at one provider: what limits, holds, warmth and learned times belong to."""

    provider: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What some work has learned of a lane; what it did not touch keeps its default.

    ``answered``: the provider took a request or gave a verdict: it is up. ``troubles`` counts calls that its
    being down would explain: no connection, its own 5xx, no answer. ``hold`` is how long it asked us to wait,
    in seconds, with ``reason``. ``picked_up``: a runner was seen at work. ``hooked``: a genuine webhook came.
    ``took`` are times from acceptance to the verdict, ``started`` from acceptance to a runner's start, in
    seconds.
    """

    lane: Lane
    answered: bool = False
    troubles: int = 0
    hold: float | None = None
    reason: str | None = None
    picked_up: bool = False
    hooked: bool = False
    took: Sequence[float] = ()
    started: Sequence[float] = ()
