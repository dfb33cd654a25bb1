"""Evidence: what comparable jobs really cost here, by which an offer is quoted whose price is not fixed."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from domain.generation import GenerationInput

# So many comparable jobs make evidence; so many of the newest are kept of each kind, for so long.
ENOUGH: Final = 5
KEPT: Final = 256
WINDOW: Final = timedelta(days=30)
_EDGE: Final = 5

# What decides a price besides the endpoint; how often a thing is given counts for those in the second line.
_DECIDING: Final = ("aspect_ratio", "audio", "count", "duration", "quality", "resolution", "size")
_COUNTED: Final = ("image_url", "last_image_url", "loras")
# Of the provider's own parameters, a seed changes no price.
_FREE_EXTRA: Final = frozenset({"seed"})


@dataclass(frozen=True, slots=True)
class Sample:
    """What one job cost that brought a result, in nano-dollars, and when that was known.

    ``spin_up_nano`` is the part that went into starting a runner; None where that is not billed.
    """

    at: datetime
    nano: int
    spin_up_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ``n`` newest comparable jobs really cost, in nano-dollars.

    Nine in ten of them lie from ``p5_nano`` to ``p95_nano``. The ``work`` ends leave out what starting
    runners took; ``pays_starts`` where that was billed of any of them.
    """

    n: int
    low_nano: int
    p5_nano: int
    p95_nano: int
    high_nano: int
    work_low_nano: int
    work_high_nano: int
    pays_starts: bool
    first_at: datetime
    last_at: datetime


def kept(samples: Iterable[Sample], now: datetime) -> list[Sample]:
    """The newest samples that still count, in order of time."""
    fresh = sorted((one for one in samples if one.at > now - WINDOW), key=lambda one: one.at)
    return fresh[-KEPT:]


def evidence(samples: Sequence[Sample]) -> Evidence:
    """What at least one sample comes to."""
    costs = sorted(one.nano for one in samples)
    work = [one.nano - (one.spin_up_nano or 0) for one in samples]
    edge = len(costs) * _EDGE // 100
    return Evidence(
        n=len(costs),
        low_nano=costs[0],
        p5_nano=costs[edge],
        p95_nano=costs[-1 - edge],
        high_nano=costs[-1],
        work_low_nano=min(work),
        work_high_nano=max(work),
        pays_starts=any(one.spin_up_nano is not None for one in samples),
        first_at=min(one.at for one in samples),
        last_at=max(one.at for one in samples),
    )


def shape(defaults: Mapping[str, Any], given: GenerationInput) -> str:
    """What two jobs at one endpoint share that ought to cost the same, as text for people too.

    ``defaults`` are what the endpoint assumes where the job is silent.
    """
    inputs = inputs_of(defaults, given)
    parts = [f"{name}={_written(inputs[name])}" for name in _DECIDING if name in inputs]
    parts += [f"{name}={_how_many(inputs[name])}" for name in _COUNTED if name in inputs]
    own = {name: value for name, value in given.extra.items() if name not in _FREE_EXTRA}
    if own:
        text = json.dumps(own, sort_keys=True, ensure_ascii=False)
        parts.append(f"extra={hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}")
    return " ".join(parts)


def inputs_of(defaults: Mapping[str, Any], given: GenerationInput) -> dict[str, Any]:
    """What the endpoint works with: the customer's word over its own defaults."""
    asked = given.given()
    # A ratio asked for replaces the size that would have been taken in silence.
    silent = {"size"} if "aspect_ratio" in asked else set()
    return {name: value for name, value in defaults.items() if name not in silent} | asked


def price_name(usd: Decimal | None) -> str:
    """A unit price as text that is the same for equal prices; empty where there is none."""
    if usd is None:
        return ""
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).casefold()


def _how_many(value: object) -> int:
    return len(value) if isinstance(value, list) else 1
