"""Many open generations at once: what they cost, how soon their ends are seen; the naive service beside."""

import time
from dataclasses import dataclass
from typing import Any, Final

from bench import spent
from bench.blocking import blocking
from bench.fake.book import Times
from bench.media import media_seconds
from bench.room import Room, opened
from bench.table import Row, quantile
from bench.world import World

_MANY: Final = 3_000
_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 600.0
_PARTS: Final = ("watcher", "worker", "web", "postgres", "valkey")
_ENDED: Final = """
    SELECT attempts.provider_request_id, extract(epoch FROM attempts.detected_at)::float,
           extract(epoch FROM jobs.ended_at)::float
    FROM jobs JOIN attempts ON attempts.job_id = jobs.id WHERE jobs.status = 'succeeded'
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run showed: CPU seconds a job by part, memory, and times in seconds."""

    jobs: int
    succeeded: int
    cpu: dict[str, float]
    media: float
    most_open: int
    memory: dict[str, float]
    late: list[float]
    shares: list[float]
    done: list[float]
    looks: float


def times_of(jobs: int) -> Times:
    """Generation times: longer ones where it takes longer to have all open at once."""
    return Times(20.0, 4.0) if jobs <= _MANY else Times(60.0, 10.0)


def run(world: World) -> list[Row]:
    """By polling, by webhook, and the same by a worker process for each generation."""
    times = times_of(world.jobs)
    polled = observe(world, times, webhooks=False)
    world.say("  by polling: done")
    told = observe(world, times, webhooks=True)
    world.say("  by webhook: done")
    naive = blocking(world, times)
    ours = polled.cpu["watcher"] + polled.cpu["worker"]
    return [
        *_costs(polled, "polling"),
        Row(
            "detection by polling, median share of the generation",
            (100 * quantile(polled.shares, 0.5),),
            "%",
            5,
        ),
        Row(
            "detection by polling, p99 share of the generation",
            (100 * quantile(polled.shares, 0.99),),
            "%",
            15,
        ),
        Row("provider's end to succeeded, polling, median", (quantile(polled.done, 0.5),), "s"),
        Row("provider's end to succeeded, polling, p95", (quantile(polled.done, 0.95),), "s"),
        *_costs(told, "webhooks"),
        Row("detection by webhook, median", (1000 * quantile(told.late, 0.5),), "ms", 100),
        Row("detection by webhook, p99", (1000 * quantile(told.late, 0.99),), "ms"),
        Row("provider's end to succeeded, webhooks, median", (quantile(told.done, 0.5),), "s"),
        Row("provider's end to succeeded, webhooks, p95", (quantile(told.done, 0.95),), "s"),
        Row(f"naive service, {naive.processes} processes: CPU of its start", (naive.start,), "s"),
        Row(f"naive service, {naive.processes} processes: CPU", (1000 * naive.cpu,), "s/1,000 jobs"),
        Row(f"naive service, {naive.processes} processes: memory", (naive.memory,), "MiB"),
        Row("naive service's CPU, of ours with the media", (naive.cpu / ours,), "x", 20, "higher"),
    ]


def observe(world: World, times: Times, *, webhooks: bool) -> Seen:
    """Have all jobs accepted as fast as they are taken, and watch until the last has ended."""
    with opened(world, times, webhooks=webhooks) as room:
        with room.runtime() as parts:
            media = media_seconds(parts, room.fake_url, world.own_folder("media"))
        before = _cpu(room)
        room.accept(world.jobs)
        most, memory = _watch(room, world.jobs)
        after = _cpu(room)
        book, ended = room.book(), room.query(_ENDED)
    made = {one["id"]: one for one in book["made"]}
    late = [detected - made[request]["ends"] for request, detected, _ in ended]
    took = [made[request]["ends"] - made[request]["arrived"] for request, _, _ in ended]
    return Seen(
        jobs=world.jobs,
        succeeded=len(ended),
        cpu={name: (after[name] - before[name]) / world.jobs for name in _PARTS},
        media=media,
        most_open=most,
        memory=memory,
        late=late,
        shares=[one / whole for one, whole in zip(late, took, strict=True)],
        done=[over - made[request]["ends"] for request, _, over in ended],
        looks=book["calls"].get("fal status", 0) / world.jobs,
    )


def _costs(seen: Seen, how: str) -> list[Row]:
    per_thousand = {name: 1000 * seconds for name, seconds in seen.cpu.items()}
    media = 1000 * seen.media
    engine = per_thousand["watcher"] + per_thousand["worker"] - media
    unit = "s/1,000 jobs"
    return [
        Row(f"{how}: jobs that succeeded, of {seen.jobs:,}", (seen.succeeded,), "jobs", seen.jobs, "higher"),
        Row(f"{how}: open at once at most", (seen.most_open,), "jobs"),
        Row(f"{how}: CPU of watcher and worker without the media", (engine,), unit, 6),
        Row(f"{how}: CPU of the watcher", (per_thousand["watcher"],), unit),
        Row(f"{how}: CPU of the worker", (per_thousand["worker"],), unit),
        Row(f"{how}: of it fetching, checking, storing a 67-byte picture", (media,), unit),
        Row(f"{how}: CPU of web (accepting)", (per_thousand["web"],), unit),
        Row(f"{how}: CPU of PostgreSQL", (per_thousand["postgres"],), unit),
        Row(f"{how}: CPU of Valkey", (per_thousand["valkey"],), unit),
        Row(f"{how}: memory of the watcher then", (seen.memory["watcher"],), "MiB", 150),
        Row(f"{how}: memory of the worker and its 4 processes then", (seen.memory["worker"],), "MiB"),
        Row(f"{how}: looks a job", (seen.looks,), "calls"),
    ]


def _roots(room: Room) -> dict[str, int]:
    ours = {name: child.group for name, child in room.children.items()}
    return {**ours, "postgres": room.postgres.child.group, "valkey": room.valkey.child.group}


def _cpu(room: Room) -> dict[str, float]:
    return {name: spent.cpu_seconds(root) for name, root in _roots(room).items()}


def _watch(room: Room, jobs: int) -> tuple[int, dict[str, float]]:
    """Until no job is open: the most that were open at once, and the memory of that moment."""
    most, memory, roots = 0, dict[str, float](), _roots(room)
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        counts: dict[str, Any] = dict(room.query("SELECT status, count(*) FROM agenda GROUP BY status"))
        if not counts:
            break
        if counts.get("running", 0) > most:
            most = counts["running"]
            memory = {name: spent.memory_mib(roots[name]) for name in ("watcher", "worker")}
        room.world.pause(_LOOK_SECONDS)
    else:
        room.world.say(f"  after {_PATIENCE_SECONDS:g} s still open: {counts} of {jobs}")
    return most, memory
