"""Letting jobs out: how many of those that wait go to each lane now, by limits, holds and cold starts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from domain.circuit import Circuit
from domain.lanes import Lane
from domain.limits import Limits, pilots, refilled
from domain.starts import is_warm
from services import passing
from services.batches.feeding import feed
from services.runtime import Runtime
from storage import claims, lanes
from storage.batches import turns
from storage.claims import Due, Lease
from storage.database import Session
from storage.records import LaneRecord

# How many jobs of a provider are let out and not begun at a time: what lies in Redis cannot be overtaken.
OUTSTANDING: Final = 128


def let_out(runtime: Runtime, lease: Lease, *, most: int) -> Sequence[Due]:
    """Take the queued jobs that may go now, at most ``most``; one process decides at a time."""
    with runtime.database.work() as session:
        waiting, rows = claims.queued_lanes(session, lease.now), turns.open_turns(session)
        if not (waiting or rows) or not claims.deciding(session):
            return []
        if rows:
            feed(runtime, session, rows, lease.now)
            waiting = claims.queued_lanes(session, lease.now)
        # What may not go on its own way is passed on first: it changes which lanes wait.
        if passing.pass_on(runtime, session, waiting, lease.now):
            waiting = claims.queued_lanes(session, lease.now)
        return _decide(runtime, session, waiting, lease, most)


def _decide(
    runtime: Runtime, session: Session, waiting: Sequence[Lane], lease: Lease, most: int
) -> Sequence[Due]:
    facts = _Facts(runtime, session, lease.now, claims.flying(session), claims.out(session, lease.now))
    left = most
    gates = _gates(facts, waiting)
    let: list[Due] = []
    for place, lane in enumerate(waiting):
        through = [gates[lane], gates[Lane(lane.provider, "")]]
        # An even share of what is left, so that one lane's flood does not shut out the others.
        share = -(-left // (len(waiting) - place))
        room = min(share, *(gate.room for gate in through))
        rows = max(min(share, *(gate.rows for gate in through)), 0)
        taken = claims.let_out(session, lane, lease, most=room, rows=rows) if room > 0 else []
        for gate in through:
            gate.pass_through(len(taken))
        left -= len(taken)
        let += taken
    for gate in gates.values():
        gate.close(lease.now)
    return let


@dataclass(frozen=True, slots=True)
class _Facts:
    """What one decision goes by; ``out`` are the jobs that are let out and not begun."""

    runtime: Runtime
    session: Session
    now: datetime
    flying: Counter[Lane]
    out: Counter[Lane]

    def busy(self, lane: Lane) -> int:
        """How many requests count against a lane's limit; against a provider's, those of all its lanes."""
        both = self.flying + self.out
        if lane.endpoint:
            return both[lane]
        return sum(count for one, count in both.items() if one.provider == lane.provider)


@dataclass(slots=True)
class _Gate:
    """What may still go to a lane, or to a provider as a whole; ``rows`` of it may be those of batches."""

    row: LaneRecord
    tokens: float
    room: int
    rows: int
    passed: int = 0

    def pass_through(self, count: int) -> None:
        """Let ``count`` jobs through."""
        self.room -= count
        self.rows -= count
        self.passed += count

    def close(self, now: datetime) -> None:
        """Write down what was drawn from the rate."""
        if self.passed:
            self.row.submit_tokens, self.row.submit_tokens_at = self.tokens - self.passed, now


def _gates(facts: _Facts, waiting: Sequence[Lane]) -> dict[Lane, _Gate]:
    """A gate for each lane and each provider; their rows are held, in one order, until it is decided."""
    wanted = {*waiting} | {Lane(lane.provider, "") for lane in waiting}
    return {lane: _gate(facts, row) for lane, row in lanes.locked(facts.session, wanted).items()}


def _gate(facts: _Facts, row: LaneRecord) -> _Gate:
    lane = Lane(row.provider, row.endpoint)
    limits = facts.runtime.catalogue.limits.of_lane(lane)
    elapsed = (facts.now - (row.submit_tokens_at or facts.now)).total_seconds()
    tokens = refilled(row.submit_tokens, elapsed, limits.submits_per_second)
    held = row.held_until is not None and row.held_until > facts.now
    free = _free(limits, facts.busy(lane))
    room = 0 if held else min(int(tokens), free)
    more = (
        _runners(facts, lane, row, limits) if lane.endpoint else min(_probes(facts, row), _window(facts, row))
    )
    room = min(room, more)
    return _Gate(row, tokens, room, rows=min(room, free - limits.kept))


def _window(facts: _Facts, row: LaneRecord) -> int:
    """How many more may lie in Redis: a provider that is slow to take jobs leaves the others theirs."""
    return OUTSTANDING - sum(many for lane, many in facts.out.items() if lane.provider == row.provider)


def _probes(facts: _Facts, row: LaneRecord) -> int:
    """How many may go by the provider's circuit: all, none, or one that finds out."""
    circuit = Circuit(row.troubles, row.open_until)
    if circuit.is_open(facts.now):
        return 0
    if circuit.is_probed(facts.now):
        return 0 if claims.sending(facts.session, row.provider, facts.now) else 1
    return OUTSTANDING


def _runners(facts: _Facts, lane: Lane, row: LaneRecord, limits: Limits) -> int:
    """How many more may go by what is known of the endpoint's runners: to a cold one, a pilot.

    So a flood pays for the start of one runner, and not for as many as it has jobs.
    """
    if not limits.runners or is_warm(limits, row.warm_at, facts.now):
        return OUTSTANDING
    ahead = claims.pioneers(facts.session, lane)
    if ahead.behind:
        # Others are served there: it is busy, not cold.
        return OUTSTANDING
    waited = (facts.now - (ahead.since or facts.now)).total_seconds()
    # A runner that usually takes long to start is not stuck yet.
    patience = max(limits.pilot_seconds, 2 * median(row.started)) if row.started else limits.pilot_seconds
    return max(pilots(waited, patience) - ahead.count - facts.out[lane], 0)


def _free(limits: Limits, busy: int) -> int:
    return OUTSTANDING if limits.in_flight is None else max(limits.in_flight - busy, 0)
