"""Claims of what is due, with ten thousand, a hundred thousand and a million ended jobs in the tables."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from sqlalchemy import event

from bench import history
from bench.history import Connection
from bench.parts import built
from bench.table import Row
from bench.world import World
from services import due
from services.runtime import Runtime

_SIZES: Final = (10_000, 100_000, 1_000_000)
_CLAIMS: Final = 30
_WARMING: Final = 5
_PAUSE_SECONDS: Final = 0.15
_DUE: Final = 200
_LATER: Final = 9_800
_OWNER: Final = "watcher:bench"
_TABLES: Final = frozenset({"jobs", "agenda", "attempts", "job_events", "deliveries"})
_STATEMENTS: Final = ("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")
_AGAIN: Final = """
    UPDATE agenda SET next_at = now() - interval '1 second', owner = NULL
    WHERE job_id IN (SELECT job_id FROM agenda WHERE next_at < now() + interval '30 minutes')
"""


def run(world: World) -> list[Row]:
    """The same claim over and over, while the history grows."""
    rows, medians = list[Row](), list[float]()
    sizes = _SIZES[:2] if world.quick else _SIZES
    with world.postgres() as server, built(world, server.url) as parts:
        history.begin(parts)
        url = server.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            _open(connection)
            there = 0
            for size in sizes:
                history.ended(connection, size - there)
                there = size
                row, claimed = _claims(parts, connection, size)
                medians.append(row.median)
                rows += [row, Row("  rows that each brought", (claimed,), "rows", _DUE, "higher")]
                world.say(f"  {size:,} ended jobs: done")
            scans = _scans(parts, connection)
    rows.append(Row(f"claim at {sizes[-1]:,}, of that at {sizes[0]:,}", (medians[-1] / medians[0],), "x", 2))
    rows.append(Row("sequential scans in its plans", (len(scans),), "scans", 0))
    for scan in scans:
        world.say(f"  scanned: {scan}")
    return rows


def _open(connection: Connection) -> None:
    """Ten thousand open jobs: a hundred looks, fifty sends and fifty fetches are due, the others later."""
    for status, now, later in (("running", 100, _LATER - 1000), ("queued", 50, 1000), ("storing", 50, 0)):
        history.waiting(connection, now, status, due=True)
        history.waiting(connection, later, status, due=False)
    # The endpoint's runners are at work: a cold one gets a single request first.
    connection.execute(
        "INSERT INTO lanes (provider, endpoint, troubles, took, started, marker_refused, warm_at) "
        "SELECT DISTINCT provider, endpoint, 0, ARRAY[]::float[], ARRAY[]::float[], false, "
        "now() + interval '1 hour' FROM agenda"
    )


def _claims(parts: Runtime, connection: Connection, size: int) -> tuple[Row, int]:
    taken, brought = list[float](), 0
    # The first few find nothing in memory yet.
    for _ in range(_WARMING + _CLAIMS):
        connection.execute(_AGAIN)
        # No faster than the rates that a provider is asked to bear let out again.
        time.sleep(_PAUSE_SECONDS)
        begun = time.perf_counter()
        claimed = _claim(parts)
        taken.append(1000 * (time.perf_counter() - begun))
        brought = len(claimed.looks) + sum(len(note.ids) for note in claimed.notes)
    figures = tuple(taken[_WARMING:])
    return Row(f"claim of {_DUE} due rows, {size:,} ended jobs, median", figures, "ms"), brought


def _claim(parts: Runtime) -> due.Claimed:
    return due.claim(parts, owner=_OWNER, looks={"fal": _DUE}, notes=_DUE)


def _scans(parts: Runtime, connection: Connection) -> list[str]:
    """The sequential scans of our tables that the plans of a claim's statements hold."""
    connection.execute(_AGAIN)
    said: list[tuple[str, Mapping[str, Any]]] = []

    def hear(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:  # noqa: ANN401 - as SQLAlchemy hands them over
        # One statement may have been sent for several rows of values.
        said.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(parts.database.engine, "before_cursor_execute", hear)
    _claim(parts)
    event.remove(parts.database.engine, "before_cursor_execute", hear)
    connection.execute(_AGAIN)
    return [
        f"{table} by {' '.join(statement.split())[:200]}"
        for statement, values in said
        if statement.lstrip().upper().startswith(_STATEMENTS)
        for table in _scanned(connection, statement, values)
    ]


def _scanned(connection: Connection, statement: str, values: Mapping[str, Any]) -> Iterator[str]:
    [(plan,)] = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), values)
    nodes = [plan[0]["Plan"] if isinstance(plan, list) else json.loads(plan)[0]["Plan"]]
    for node in nodes:
        if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in _TABLES:
            yield node["Relation Name"]
        nodes.extend(node.get("Plans", ()))
