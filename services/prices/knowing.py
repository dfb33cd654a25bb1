"""What a quote goes by: the providers' prices, what comparable jobs cost, and how soon each lane starts."""

from collections.abc import Mapping
from typing import Final

from domain.evidence import WINDOW, Evidence
from domain.lanes import Lane
from domain.quoting import Known
from domain.routing import Availability
from domain.starts import Start, expected, is_warm
from services.runtime import Runtime
from storage.prices import Knowledge, Times

_ABSENT: Final = Availability(configured=False, sandbox=False)


def known_of(runtime: Runtime, knowledge: Knowledge) -> Known:
    """What is known now: where a sandbox stands in for a provider, that goes by what the sandbox did."""
    return Known(
        prices=knowledge.prices,
        evidence={
            lane: found
            for sandbox, lanes in knowledge.evidence.items()
            for lane, of_lane in lanes.items()
            if runtime.available.get(lane.provider, _ABSENT).sandbox is sandbox
            and (found := _fresh(runtime, of_lane))
        },
        starts={lane: _start(runtime, lane, times) for lane, times in knowledge.times.items()},
    )


def _fresh(runtime: Runtime, found: Mapping[tuple[str, str], Evidence]) -> Mapping[tuple[str, str], Evidence]:
    oldest = runtime.clock() - WINDOW
    return {name: one for name, one in found.items() if one.last_at > oldest}


def _start(runtime: Runtime, lane: Lane, times: Times) -> Start:
    limits = runtime.catalogue.limits.of_lane(lane)
    warm = is_warm(limits, times.warm_at, runtime.clock())
    return expected(limits, took=times.took, started=times.started, warm=warm)
