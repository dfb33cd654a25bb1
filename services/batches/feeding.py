"""Letting rows of batches out as capacity frees: by fair turns between projects, within all budgets.

Few rows of batches are on the agenda at a time, and they stand behind the jobs that were asked for one by
one: those start at once, however many rows wait.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from domain.batches import BUDGET_SPENT
from domain.fairness import shares
from domain.lanes import Lane
from services.batches import pausing
from services.batches.allowance import Allowance
from services.runtime import Runtime
from storage import budgets
from storage.batches import tallies, turns
from storage.batches.turns import Turn
from storage.database import Session

# How many rows of batches wait on the agenda for one lane at most: enough to keep half of the workers busy,
# so that there is always one for a single job.
MOST: Final = 32

log = structlog.get_logger(__name__)


def feed(runtime: Runtime, session: Session, open_: Sequence[Turn], now: datetime) -> None:
    """Put the next rows of the ``open_`` batches on the agenda; whoever calls is the only one who does."""
    waiting = turns.waiting_lanes(session, [turn.id for turn in open_])
    purse = budgets.hold(session, {turn.project_id for turn in open_}, now)
    allowance = Allowance(runtime, session, purse)
    table = _Table.laid(session, open_, allowance)
    for lane in dict.fromkeys(lane for _, lane in waiting):
        here = {batch_id for batch_id, other in waiting if other == lane}
        own = [turn for turn in open_ if turn.id in here]
        _fill(session, table, lane, own, _room(runtime, table, lane), now)
    if table.begun:
        turns.begun(session, sorted(table.begun), now)
    for turn in open_:
        if turn.id in table.short and not table.flying[turn.id]:
            log.info("batch_budget_spent", batch_id=str(turn.id))
            pausing.pause(runtime, session, turn.id, BUDGET_SPENT)
    allowance.say(open_)


@dataclass(slots=True)
class _Table:
    """What is out of each batch, and what each may still hold; ``short``: its next row does not fit."""

    allowance: Allowance
    queued: Counter[Lane] = field(default_factory=Counter)
    here: Counter[tuple[UUID, Lane]] = field(default_factory=Counter)
    flying: Counter[UUID] = field(default_factory=Counter)
    left: dict[UUID, int] = field(default_factory=dict)
    begun: set[UUID] = field(default_factory=set)
    short: set[UUID] = field(default_factory=set)

    @classmethod
    def laid(cls, session: Session, open_: Sequence[Turn], allowance: Allowance) -> "_Table":
        table = cls(allowance)
        for out in turns.out(session):
            table.queued[out.lane] += out.queued
            table.here[out.batch_id, out.lane] += out.all
            table.flying[out.batch_id] += out.all
        limited = {turn.id: turn.budget_nano for turn in open_ if turn.budget_nano is not None}
        if limited:
            counts = tallies.counts(session, list(limited))
            table.left = {one: budget - counts[one].committed_nano for one, budget in limited.items()}
        return table


def _room(runtime: Runtime, table: _Table, lane: Lane) -> int:
    """How many more rows may wait on the agenda for a lane: few where few can run, so that turns are fair."""
    limits = runtime.catalogue.limits
    both = (limits.of_lane(lane).in_flight, limits.of_provider(lane.provider).in_flight)
    return max(min(MOST, *(MOST if most is None else most for most in both)) - table.queued[lane], 0)


def _fill(
    session: Session, table: _Table, lane: Lane, turns_here: Sequence[Turn], room: int, now: datetime
) -> None:
    """Share the room of a lane between projects, and each project's between its batches that matter most."""
    by_project: dict[UUID, list[Turn]] = {}
    for turn in turns_here:
        by_project.setdefault(turn.project_id, []).append(turn)
    has = {
        project_id: sum(table.here[turn.id, lane] for turn in own) for project_id, own in by_project.items()
    }
    for project_id, share in shares(room, has).items():
        own = by_project[project_id]
        first = min(turn.priority.rank for turn in own)
        urgent = {turn.id: table.here[turn.id, lane] for turn in own if turn.priority.rank == first}
        given = shares(share, urgent)
        for turn in own:
            if most := given.get(turn.id, 0):
                _let_out(session, table, lane, turn, most, now)


def _let_out(session: Session, table: _Table, lane: Lane, turn: Turn, most: int, now: datetime) -> None:
    batch_id = turn.id
    left, only = table.left.get(batch_id), table.allowance.jobs(turn, lane, most)
    out = turns.let_out(session, batch_id, lane, most=most, left_nano=left, now=now, only=only)
    if out.short:
        table.short.add(batch_id)
    if out.many:
        table.begun.add(batch_id)
        table.flying[batch_id] += out.many
    if left is not None:
        table.left[batch_id] = left - out.held_nano
