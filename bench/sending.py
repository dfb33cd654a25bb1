"""One job at a time on an idle system: from its 202 to the POST, from the provider's end to the result."""

import random
from typing import Final
from uuid import UUID

from bench.fake.book import Times
from bench.room import Accepted, Room, opened
from bench.table import Row, quantile
from bench.world import World

_TIMES: Final = Times(mean=1.0, sigma=0.1, starts=0.2)
_PATIENCE_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02
_LONGEST_PAUSE: Final = 0.5
_ENDS: Final = """
    SELECT prompt, extract(epoch FROM detected_at)::float, extract(epoch FROM ended_at)::float
    FROM (SELECT jobs.input->>'prompt' AS prompt, attempts.detected_at, jobs.ended_at
          FROM jobs JOIN attempts ON attempts.job_id = jobs.id WHERE jobs.status = 'succeeded') AS ended
"""


def run(world: World) -> list[Row]:
    """The times of forty jobs, one after the other, with webhooks on."""
    count = 10 if world.quick else 40
    with opened(world, _TIMES, webhooks=True) as room:
        one_by_one(room, 2)
        accepted = one_by_one(room, count, first=2)
        book = {made["prompt"]: made for made in room.book()["made"]}
        ended = {prompt: (detected, over) for prompt, detected, over in room.query(_ENDS)}
        idle = _idle(room)
    waits = [1000 * (book[job.prompt]["arrived"] - job.at) for job in accepted]
    seen = [1000 * (ended[job.prompt][0] - book[job.prompt]["ends"]) for job in accepted]
    done = [1000 * (ended[job.prompt][1] - book[job.prompt]["ends"]) for job in accepted]
    return [
        Row("202 to the provider's POST, median", tuple(waits), "ms", 300.0),
        Row("202 to the provider's POST, p95", (quantile(waits, 0.95),), "ms"),
        Row("provider's end to seen, webhook, idle, median", tuple(seen), "ms", 100.0),
        Row("provider's end to succeeded, webhook, idle, median", tuple(done), "ms"),
        Row("provider's end to succeeded, webhook, idle, p95", (quantile(done, 0.95),), "ms"),
        *(Row(f"nothing to do: CPU of {part}", (seconds,), "s/hour") for part, seconds in idle.items()),
    ]


def _idle(room: Room) -> dict[str, float]:
    """What each part uses with no job open, in seconds an hour."""
    before = room.cpu_seconds()
    room.world.pause(_IDLE_SECONDS)
    after = room.cpu_seconds()
    return {name: (after[name] - before[name]) * 3600 / _IDLE_SECONDS for name in before}


def one_by_one(room: Room, count: int, *, first: int = 0) -> list[Accepted]:
    """Jobs one after the other, each begun at a moment that nothing in the system knows of."""
    chance = random.Random(first)  # noqa: S311 - the same run again
    accepted = []
    for number in range(first, first + count):
        [one] = room.accept(1, first=number)
        _wait(room, one.id)
        accepted.append(one)
        room.world.pause(chance.uniform(0, _LONGEST_PAUSE))
    return accepted


def _wait(room: Room, job_id: UUID) -> None:
    for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        [(status,)] = room.query("SELECT status FROM jobs WHERE id = %(id)s", id=job_id)
        if status == "succeeded":
            return
        room.world.pause(_LOOK_SECONDS)
    raise TimeoutError(f"job {job_id} is still {status} after {_PATIENCE_SECONDS:g} s")
