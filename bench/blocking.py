"""Runs the naive service beside ours: as many processes as may be open, on servers of its own."""

import sys
import time
from dataclasses import dataclass
from typing import Final

from celery import Celery

from bench import spent
from bench.fake.book import Times
from bench.fake.fal import QUEUE
from bench.room import providers
from bench.world import World
from cli.stack.child import Child, Program

PROCESSES: Final = 50
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Naive:
    """What it took: CPU seconds for its start and for a job, and memory in MiB while all processes wait."""

    jobs: int
    start: float
    cpu: float
    memory: float

    @property
    def with_start(self) -> float:
        """CPU seconds a job when its start is shared by the jobs that there were."""
        return self.cpu + self.start / self.jobs


def blocking(world: World, times: Times, task: str) -> Naive:
    """As many jobs as it has processes: each holds one open generation."""
    jobs = PROCESSES
    folder = world.own_folder("naive")
    with world.valkey() as redis, providers(world, times) as fake_url:
        environment = world.environment("", redis.url) | {
            "NAIVE_BROKER": redis.url,
            "NAIVE_QUEUE": f"{fake_url}{QUEUE}".rstrip("/"),
            "NAIVE_FOLDER": str(folder),
        }
        command = (sys.executable, "-m", "celery", "-A", "bench.naive:app", "worker", "-c", str(PROCESSES))
        program = Program("naive", (*command, "--loglevel", "WARNING"), {"REMAP_SIGTERM": "SIGQUIT"})
        with world.running(program, environment) as child, Celery("naive", broker=redis.url) as app:
            _started(world, child, app)
            before = spent.cpu_seconds(child.group)
            for number in range(jobs):
                app.send_task(f"bench.naive.{task}", args=[f"picture {number}"])
            world.pause(times.mean / 2)
            memory = spent.memory_mib(child.group)
            end = time.monotonic() + times.mean + 6 * times.sigma + _PATIENCE_SECONDS
            while (made := len(list(folder.iterdir()))) < jobs and time.monotonic() < end:
                world.pause(0.2)
            world.say(f"  the naive service, {task}: {made} of {jobs} pictures")
            cpu = spent.cpu_seconds(child.group) - before
    return Naive(jobs, before, cpu / jobs, memory)


def _started(world: World, child: Child, app: Celery) -> None:
    """All of its processes are there, and it listens: what it takes to start is not charged to its jobs."""
    while len(spent.children(child.group)) < PROCESSES or not app.control.ping(timeout=0.5):
        world.pause(0.2)
