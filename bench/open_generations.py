"""Many open generations at once: what they cost, how soon their ends are seen; the naive service beside."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bench import spent
from bench.blocking import blocking
from bench.fake.book import Times
from bench.media import media_seconds
from bench.room import Room, opened
from bench.table import Better, Row, quantile
from bench.world import World

_MANY: Final = 3_000
# As many jobs run before, so that the endpoint is one that is known: looks go by how long it takes.
_TAUGHT: Final = 64
_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 600.0
_ENGINE: Final = ("watcher", "worker", "submits")
_PARTS: Final = (*_ENGINE, "web", "postgres", "valkey")
_UNIT: Final = "s/1,000 jobs"
_ENDED: Final = """
    SELECT attempts.provider_request_id, extract(epoch FROM attempts.detected_at)::float,
           extract(epoch FROM jobs.ended_at)::float
    FROM jobs JOIN attempts ON attempts.job_id = jobs.id
    WHERE jobs.status = 'succeeded' AND jobs.created_at > %(before)s
"""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was there before the measurement: jobs until then, and looks."""

    until: datetime
    looks: int


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

    @property
    def ours(self) -> float:
        """CPU of watcher and workers."""
        return sum(self.cpu[name] for name in _ENGINE)

    @property
    def engine(self) -> float:
        """The same without what the files themselves cost."""
        return self.ours - self.media

    def share(self, of: float) -> float:
        """The time from a provider's end to the look that saw it, of the generation's whole time."""
        return quantile(self.shares, of)


def times_of(jobs: int) -> Times:
    """Generation times: longer ones where it takes longer to have all open at once."""
    return Times(20.0, 4.0) if jobs <= _MANY else Times(60.0, 10.0)


def run(world: World) -> list[Row]:
    """By polling, by webhook, and the same by a worker process for each generation."""
    times = times_of(world.jobs)
    polled = [_said(world, "by polling", observe(world, times, webhooks=False)) for _ in range(world.rounds)]
    told = [_said(world, "by webhook", observe(world, times, webhooks=True)) for _ in range(world.rounds)]
    return [
        *_costs(polled, "polling"),
        *_times("polling", polled),
        _row(
            "polling: detection, median, of the generation", polled, lambda one: 100 * one.share(0.5), "%", 5
        ),
        _row(
            "polling: detection, p99, of the generation", polled, lambda one: 100 * one.share(0.99), "%", 15
        ),
        *_costs(told, "webhooks"),
        *_times("webhooks", told),
        _row("webhooks: detection, median", told, lambda one: 1000 * quantile(one.late, 0.5), "ms", 100),
        _row("webhooks: detection, p99", told, lambda one: 1000 * quantile(one.late, 0.99), "ms"),
        *_beside(world, times, "sleep and poll", "generate", polled),
        *_beside(world, times, "fal_client.subscribe", "subscribe", polled),
    ]


def observe(world: World, times: Times, *, webhooks: bool) -> Seen:
    """Have all jobs accepted as fast as they are taken, and watch until the last has ended."""
    with opened(world, times, webhooks=webhooks) as room:
        with room.runtime() as parts:
            media = media_seconds(parts, room.fake_url, world.own_folder("media"))
        known = _taught(room)
        before = room.cpu_seconds()
        room.accept(world.jobs, first=_TAUGHT)
        most, memory = _watch(room, world.jobs)
        after = room.cpu_seconds()
        book, ended = room.book(), room.query(_ENDED, before=known.until)
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
        looks=(book["calls"].get("fal status", 0) - known.looks) / world.jobs,
    )


def _taught(room: Room) -> _Known:
    """Have the endpoint known: so many jobs are over before anything is measured."""
    room.accept(_TAUGHT)
    _watch(room, _TAUGHT)
    return _Known(datetime.now(UTC), room.book()["calls"].get("fal status", 0))


def _costs(runs: Sequence[Seen], how: str) -> list[Row]:
    jobs = runs[0].jobs

    def cpu(of: str) -> Callable[[Seen], float]:
        return lambda one: 1000 * one.cpu[of]

    def memory(of: str) -> Callable[[Seen], float]:
        return lambda one: one.memory[of]

    return [
        _row(f"{how}: succeeded, of {jobs:,}", runs, lambda one: one.succeeded, "jobs", jobs, "higher"),
        _row(f"{how}: open at once at most", runs, lambda one: one.most_open, "jobs"),
        _row(
            f"{how}: CPU of watcher and workers without the media",
            runs,
            lambda one: 1000 * one.engine,
            _UNIT,
            6,
        ),
        _row(f"{how}: CPU of the watcher", runs, cpu("watcher"), _UNIT),
        _row(f"{how}: CPU of the worker that sends", runs, cpu("submits"), _UNIT),
        _row(f"{how}: CPU of the worker that fetches", runs, cpu("worker"), _UNIT),
        _row(f"{how}:   of it to fetch, check, store 67 bytes", runs, lambda one: 1000 * one.media, _UNIT),
        _row(f"{how}: CPU of web (accepting)", runs, cpu("web"), _UNIT),
        _row(f"{how}: CPU of PostgreSQL", runs, cpu("postgres"), _UNIT),
        _row(f"{how}: CPU of Valkey", runs, cpu("valkey"), _UNIT),
        _row(f"{how}: memory of the watcher then", runs, lambda one: one.memory["watcher"], "MiB", 150),
        _row(f"{how}: memory of the worker that sends then", runs, memory("submits"), "MiB"),
        _row(f"{how}: memory of the worker that fetches (5 processes) then", runs, memory("worker"), "MiB"),
        _row(f"{how}: looks a job", runs, lambda one: one.looks, "calls"),
    ]


def _beside(world: World, times: Times, how: str, task: str, polled: Sequence[Seen]) -> list[Row]:
    """The service that blocks a process for each open generation; ours is taken with its media too."""
    naive = blocking(world, times, task)
    what = f"naive, {how}"
    without = tuple(naive.cpu / one.ours for one in polled)
    whole = tuple(naive.with_start / one.ours for one in polled)
    return [
        Row(f"{what}: CPU", (1000 * naive.cpu,), _UNIT),
        Row(f"{what}: CPU with its start", (1000 * naive.with_start,), _UNIT),
        Row(f"{what}: memory of {naive.jobs} open", (naive.memory,), "MiB"),
        Row(f"{what}: CPU, of ours by polling", without, "x", 20, "higher"),
        Row(f"{what}: CPU with its start, of ours by polling", whole, "x", 20, "higher"),
    ]


def _times(how: str, runs: Sequence[Seen]) -> list[Row]:
    name = f"{how}: provider's end to succeeded"
    return [
        _row(f"{name}, median", runs, lambda one: quantile(one.done, 0.5), "s"),
        _row(f"{name}, p95", runs, lambda one: quantile(one.done, 0.95), "s"),
    ]


def _row(
    name: str,
    runs: Sequence[Seen],
    figure: Callable[[Seen], float],
    unit: str,
    bar: float | None = None,
    better: Better = "lower",
) -> Row:
    return Row(name, tuple(figure(one) for one in runs), unit, bar, better)


def _said(world: World, what: str, seen: Seen) -> Seen:
    figures = f"{1000 * seen.engine:.3g} CPU {_UNIT}, watcher {seen.memory['watcher']:.0f} MiB"
    world.say(f"  {what}: {seen.succeeded} of {seen.jobs} jobs succeeded, {figures}")
    return seen


def _watch(room: Room, jobs: int) -> tuple[int, dict[str, float]]:
    """Until no job is open: the most that were open at once, and the memory of that moment."""
    most, memory, roots = 0, dict[str, float](), room.roots()
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        counts: dict[str, Any] = dict(room.query("SELECT status, count(*) FROM agenda GROUP BY status"))
        if not counts:
            break
        if counts.get("running", 0) > most:
            most = counts["running"]
            memory = {name: spent.memory_mib(roots[name]) for name in _ENGINE}
        room.world.pause(_LOOK_SECONDS)
    else:
        room.world.say(f"  after {_PATIENCE_SECONDS:g} s still open: {counts} of {jobs}")
    return most, memory
