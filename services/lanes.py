"""What all processes know together of each lane: learned as work goes on, asked before the next step."""

from collections.abc import Sequence
from datetime import datetime

from domain.lanes import Lane, Learned
from domain.lifecycle import Kind
from services.runtime import Runtime


def learn(runtime: Runtime, news: Sequence[Learned]) -> None:
    """Write down what some work has learned, in a unit of work of its own."""
    del runtime, news


def held(runtime: Runtime, lanes: Sequence[Lane]) -> dict[Lane, datetime]:
    """Until when nothing may be sent to those of the lanes that are held back or whose circuit is open."""
    del runtime, lanes
    return {}


def next_look(runtime: Runtime, lane: Lane, kind: Kind, *, age: float, generating: bool) -> float | None:
    """Seconds until the next look at a request of ``age`` seconds; None when the provider's schedule ended.

    ``generating`` once a runner was seen at work: before that, looks also tell when it starts.
    """
    del generating
    provider = runtime.providers.get(lane.provider)
    return None if provider is None else provider.next_look(kind, age)
