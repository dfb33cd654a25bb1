"""Callbacks to a fast receiver while a thousand others are dead: how many, how late, at what cost."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg

from bench.dead import dead
from bench.fake.book import Times
from bench.room import Room, opened
from bench.table import Row, quantile
from bench.world import World
from cli.stack.child import Program
from cli.stack.ports import free_port, listening
from storage.records.columns import new_id

Connection = psycopg.Connection[tuple[Any, ...]]

_HOSTS: Final = 1_000
_EACH: Final = 5
_PER_SECOND: Final = 200
_STEP_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 120.0
_PARTS: Final = ("callbacks", "watcher", "postgres", "valkey")
_NAMES: Final = ("web", "callbacks", "watcher")
# About what a picture's end takes.
_BODY: Final = '{"type": "job.succeeded", "timestamp": "2026-01-01T00:00:00Z", "data": {"prompt": "%s"}}' % (
    "a red kite over dunes " * 80
)
_WRITE: Final = """
    WITH fresh AS (SELECT * FROM unnest(%(ids)s::uuid[], %(urls)s::text[]) AS fresh(id, url)),
    told AS (
        INSERT INTO events (id, project_id, type, body, created_at)
        SELECT id, %(project)s, 'job.succeeded', %(body)s, clock_timestamp() FROM fresh)
    INSERT INTO deliveries (id, event_id, project_id, url, status, tries, next_at, created_at)
    SELECT gen_random_uuid(), id, %(project)s, url, 'pending', 0, clock_timestamp(), clock_timestamp()
    FROM fresh
"""


@dataclass(frozen=True, slots=True)
class _Told:
    """What one flow showed: how late each first try was in seconds, how long all took, CPU by part."""

    late: Sequence[float]
    seconds: float
    cpu: Mapping[str, float]


def run(world: World) -> list[Row]:
    """Two hundred a second for a while, then a burst, both beside hosts that have just gone dead."""
    seconds = 10 if world.quick else 30
    hosts = _HOSTS // 5 if world.quick else _HOSTS
    flows, bursts = list[_Told](), list[_Told]()
    for _ in range(world.rounds):
        with _opened(world) as (room, url), dead(hosts) as away, _connected(room) as connection:
            project = room.query("SELECT id FROM projects")[0][0]
            # Known to answer, as whoever was called before.
            _flow(room, connection, project, url, seconds=1)
            _write(connection, project, away * _EACH)
            flows.append(_flow(room, connection, project, url, seconds=seconds))
            bursts.append(_burst(room, connection, project, url, seconds * _PER_SECOND))
    return _rows(flows, bursts, hosts)


def _rows(flows: Sequence[_Told], bursts: Sequence[_Told], hosts: int) -> list[Row]:
    beside = f"beside {hosts:,} dead hosts"
    medians = tuple(quantile(one.late, 0.5) for one in flows)
    rows = [
        Row(f"{_PER_SECOND}/s {beside}: first try after the event, median", medians, "s", 1),
        Row("  p95", tuple(quantile(one.late, 0.95) for one in flows), "s"),
        Row("  the last one", tuple(max(one.late) for one in flows), "s"),
    ]
    rows += [
        Row(f"  CPU of {part}", tuple(1000 * one.cpu[part] / len(one.late) for one in flows), "ms/callback")
        for part in _PARTS
    ]
    rate = tuple(len(one.late) / one.seconds for one in bursts)
    rows.append(Row(f"{len(bursts[0].late):,} at once {beside}", rate, "callbacks/s", 200, "higher"))
    rows += [
        Row(f"  CPU of {part}", tuple(1000 * one.cpu[part] / len(one.late) for one in bursts), "ms/callback")
        for part in _PARTS
    ]
    return rows


def _flow(room: Room, connection: Connection, project: UUID, url: str, *, seconds: int) -> _Told:
    """So many a second, each at its time."""
    count = round(_PER_SECOND * _STEP_SECONDS)
    written, before, begun = dict[str, float](), room.cpu_seconds(), time.monotonic()
    for step in range(round(seconds / _STEP_SECONDS)):
        room.world.pause(max(begun + step * _STEP_SECONDS - time.monotonic(), 0.0))
        written |= _write(connection, project, [url] * count)
    return _seen(room, url, written, before, begun)


def _burst(room: Room, connection: Connection, project: UUID, url: str, count: int) -> _Told:
    before, begun = room.cpu_seconds(), time.monotonic()
    return _seen(room, url, _write(connection, project, [url] * count), before, begun)


def _write(connection: Connection, project: UUID, urls: Sequence[str]) -> dict[str, float]:
    """One event for each address; answers when each was written."""
    ids = [new_id() for _ in urls]
    now = time.time()
    given = {"ids": ids, "urls": list(urls), "project": project, "body": _BODY}
    connection.execute(_WRITE, given)
    connection.execute("NOTIFY darkroom_wake")
    return dict.fromkeys(map(str, ids), now)


def _seen(
    room: Room, url: str, written: Mapping[str, float], before: Mapping[str, float], begun: float
) -> _Told:
    """Wait until all of them have arrived."""
    first, end = dict[str, float](), begun + _PATIENCE_SECONDS
    with httpx.Client(trust_env=False) as client:
        while not written.keys() <= first.keys():
            if time.monotonic() > end:
                raise TimeoutError(f"{len(written.keys() - first.keys())} callbacks have not arrived")
            room.world.pause(0.1)
            for name, at in client.get(url).json():
                first.setdefault(name, at)
    after = room.cpu_seconds()
    last = max(first[name] for name in written) - min(written.values())
    cpu = {part: after[part] - before[part] for part in _PARTS}
    return _Told([first[name] - at for name, at in written.items()], last, cpu)


@contextmanager
def _opened(world: World) -> Iterator[tuple[Room, str]]:
    port = free_port()
    receiver = Program("receiver", (sys.executable, "-m", "bench.receiver", str(port)))
    settings = {"DARKROOM_PRIVATE_HOSTS": "127.0.0.0/8"}
    with (
        opened(world, Times(1.0, 0.1), names=_NAMES, settings=settings) as room,
        world.running(receiver, room.environment, answers=lambda: listening(port)),
    ):
        yield room, f"http://127.0.0.1:{port}/hook"


@contextmanager
def _connected(room: Room) -> Iterator[Connection]:
    url = room.postgres.url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
