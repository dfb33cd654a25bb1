"""Everything killed at once with jobs in every state, and Redis emptied: how long until all move again."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import redis

from bench.fake.book import Times
from bench.room import NAMES, Room, opened
from bench.table import Row
from bench.world import World

_JOBS: Final = 1_000
_FEW: Final = 150
# An answer that takes a while, so that POSTs are on the wire when all is killed.
_TIMES: Final = Times(mean=15.0, sigma=5.0, starts=0.5, submit=0.2)
_LOOK_SECONDS: Final = 0.5
_FIRST_SECONDS: Final = 60.0
_SENDING_SECONDS: Final = 10.0
_MOVING_SECONDS: Final = 90.0
_ENDING_SECONDS: Final = 240.0
_COUNTS: Final = "SELECT status, count(*) FROM jobs GROUP BY status"
_OPEN: Final = ("queued", "submitting", "running", "storing")
# Open, with nothing on record since, and not simply waiting, in nobody's hands, for its next look.
_STILL: Final = """
    SELECT attempts.provider_request_id, jobs.status FROM jobs
    LEFT JOIN attempts ON attempts.job_id = jobs.id AND attempts.number = jobs.attempts
    LEFT JOIN agenda ON agenda.job_id = jobs.id
    WHERE jobs.status IN ('queued', 'submitting', 'running', 'storing')
      AND NOT EXISTS (SELECT FROM job_events WHERE job_id = jobs.id AND at > to_timestamp(%(since)s))
      AND coalesce(attempts.submitted_at < to_timestamp(%(since)s), true)
      AND NOT coalesce(jobs.status = 'running' AND agenda.owner IS NULL AND agenda.next_at > now(), false)
"""


@dataclass(frozen=True, slots=True)
class Storm:
    """What was open when all was killed, how many POSTs were on the wire, and seconds until all moved."""

    open: dict[str, int]
    on_the_wire: int
    moving: float


def run(world: World) -> list[Row]:
    """One storm, and the audit after it."""
    jobs = _FEW if world.quick else _JOBS
    with opened(world, _TIMES) as room:
        storm = _strike(room, jobs)
        world.say(f"  open when all was killed: {storm.open}; POSTs on the wire: {storm.on_the_wire}")
        _until(room, lambda: _are_open(room) == 0, _ENDING_SECONDS)
        states = _counts(room)
        parked = "SELECT count(DISTINCT job_id) FROM job_events WHERE type = 'outcome_unknown'"
        [(unknown,)] = room.query(parked)
        made = room.book()["made"]
    world.say(f"  in the end: {states}")
    kept = states.get("succeeded", 0) + states.get("review", 0)
    twice = len(made) - len({one["prompt"] for one in made})
    what = f"kill -9 of all and FLUSHALL, {sum(storm.open.values()):,} jobs open"
    return [
        Row(f"{what}: until all move", (storm.moving,), "s", 30),
        Row(f"{what}: lost", (jobs - kept,), "jobs", 0),
        Row(f"{what}: paid twice", (twice,), "jobs", 0),
        Row(f"{what}: unknown outcomes, of the POSTs on the wire", (unknown,), "jobs", storm.on_the_wire),
        Row(f"{what}: left to a person", (states.get("review", 0),), "jobs"),
    ]


def _strike(room: Room, jobs: int) -> Storm:
    """Let the first two thirds come to their ends one by one, add the others, and kill all meanwhile."""
    early = jobs * 2 // 3
    room.accept(early)
    _until(room, lambda: _counts(room).get("succeeded", 0) > early // 10, _FIRST_SECONDS)
    room.accept(jobs - early, first=early)
    # In the middle of a batch: its POSTs are out, and their answers are under way.
    _until(room, lambda: _on_the_wire(room) > 0, _SENDING_SECONDS, every=0.01)
    room.world.pause(_TIMES.submit / 4)
    killed = time.time()
    room.kill(*NAMES)
    with redis.Redis.from_url(room.valkey.url) as client:
        client.flushall()
    open_then = {status: count for status, count in _counts(room).items() if status in _OPEN}
    on_the_wire = _on_the_wire(room)
    begun = time.time()
    room.start(*NAMES)
    room.world.say(f"  started again after {time.time() - begun:.1f} s")
    _until(room, lambda: not _not_moved(room, killed), _MOVING_SECONDS)
    return Storm(open_then, on_the_wire, time.time() - begun)


def _not_moved(room: Room, since: float) -> Counter[str]:
    """The open jobs, by state, that have no new step on record and were not asked about since then."""
    asked = {one["id"] for one in room.book()["made"] if one["asked"] > since}
    return Counter(status for request, status in room.query(_STILL, since=since) if request not in asked)


def _on_the_wire(room: Room) -> int:
    """Requests that the provider has taken, and no answer of which is on record."""
    made = {one["id"] for one in room.book()["made"]}
    return len(made - {request for (request,) in room.query("SELECT provider_request_id FROM attempts")})


def _counts(room: Room) -> dict[str, int]:
    return dict(room.query(_COUNTS))


def _are_open(room: Room) -> int:
    return sum(count for status, count in _counts(room).items() if status in _OPEN)


def _until(room: Room, happened: Callable[[], bool], seconds: float, *, every: float = _LOOK_SECONDS) -> None:
    """Wait until it has happened, or for so long: what is missing then shows in the figures."""
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        room.world.pause(every)
