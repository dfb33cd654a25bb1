"""Batches of a hundred thousand rows: taken in, read, their results, and memory; single jobs meanwhile."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import sheets, singles
from bench.copied import copy_seconds
from bench.fake.book import Times
from bench.outcomes import succeed
from bench.peaks import memory, peaks
from bench.room import NAMES, Room, opened
from bench.sheets import SheetOfRows
from bench.table import Row
from bench.world import World

# Short generations, few at a time: rows keep flowing, and nearly all of them wait.
_TIMES: Final = Times(mean=0.5, sigma=0.1, starts=0.1)
_LIMITS: Final = "[limits.fal]\nin_flight = 20\n"
_ROWS: Final = 100_000
_FEW_ROWS: Final = 20_000
# With what stands beside it in its row, 190 MB in a hundred thousand rows.
_LONG_PROMPT: Final = 1_820
_RESULTS: Final = ("results.csv", "results.jsonl")
_MEASURED: Final = ("web", "batches")


@dataclass(frozen=True, slots=True)
class _Read:
    """One sheet that was taken in and read: rows a second of each, memory above idle in MB, and its batch."""

    batch_id: str
    accepted: float
    expanded: float
    grown: dict[str, float]


def run(world: World) -> list[Row]:
    """What is read to be measured is paused; single jobs run beside rows of which few run at once or many."""
    many = _FEW_ROWS if world.quick else _ROWS
    with _opened(world, {"DARKROOM_CATALOGUE": str(_limits(world))}) as room:
        idle = singles.idle(room)
        read, rows = _reading(room, many)
        rows += _results(room, read, many)
        sheet = sheets.write(world, "flowing", many)
        rows += singles.flowing(room, sheet, idle, "20 in flight") + singles.reading(room, sheet, idle)
    with _opened(world, {}) as room:
        rows += singles.flowing(room, sheet, singles.idle(room), "no limit")
    return rows


def _opened(world: World, settings: Mapping[str, str]) -> AbstractContextManager[Room]:
    return opened(world, _TIMES, webhooks=True, names=(*NAMES, "batches"), settings=settings)


def _limits(world: World) -> Path:
    path = world.own_folder("catalogue") / "limits.toml"
    path.write_text(_LIMITS, encoding="utf-8")
    return path


def _reading(room: Room, many: int) -> tuple[_Read, list[Row]]:
    """Sheets of short rows, each beside a plain COPY of what became of it; then one of long rows."""
    idle = memory(_roots(room))
    short = sheets.write(room.world, "short", many)
    runs, floors = list[_Read](), list[float]()
    for _ in range(room.world.rounds):
        runs.append(_read(room, short, idle))
        # What it can do, whatever else the machine does in these two seconds.
        floors.append(many / min(copy_seconds(room.postgres.url, runs[-1].batch_id) for _ in range(2)))
        room.world.say(f"  read {runs[-1].expanded:,.0f} rows/s, plain COPY {floors[-1]:,.0f} rows/s")
    long = sheets.write(room.world, "long", many, prompt_characters=_LONG_PROMPT)
    large = _read(room, long, idle)
    megabytes = long.path.stat().st_size / 1e6
    shares = tuple(100 * run.expanded / floor for run, floor in zip(runs, floors, strict=True))
    rows = [
        Row(f"{many:,} rows: accepted (upload to 202)", tuple(run.accepted for run in runs), "rows/s"),
        Row("expanded (made to read)", tuple(run.expanded for run in runs), "rows/s", 8_000, "higher"),
        Row("plain COPY of the same rows", tuple(floors), "rows/s"),
        Row("expanded, of a plain COPY", shares, "%", 40, "higher"),
        Row(f"as many rows of {megabytes:.0f} MB: accepted", (large.accepted,), "rows/s"),
        Row(f"as many rows of {megabytes:.0f} MB: expanded", (large.expanded,), "rows/s"),
    ]
    for name in _MEASURED:
        rows += [
            Row(f"{name}: memory above idle, short rows", tuple(run.grown[name] for run in runs), "MB", 200),
            Row(f"{name}: memory above idle, {megabytes:.0f} MB", (large.grown[name],), "MB", 200),
        ]
    return runs[-1], rows


def _read(room: Room, sheet: SheetOfRows, idle: dict[str, float]) -> _Read:
    with peaks(_roots(room)) as most:
        made = sheets.upload(room, sheet, paused=True)
        seconds = sheets.seconds_to_read(room, made.id)
    grown = {name: most[name] - idle[name] for name in _MEASURED}
    return _Read(made.id, sheet.rows / made.seconds, sheet.rows / seconds, grown)


def _results(room: Room, read: _Read, many: int) -> list[Row]:
    """Both files of a batch of which every row has succeeded, streamed to their ends."""
    succeed(room.postgres.url.replace("+psycopg", ""), read.batch_id)
    rates: dict[str, list[float]] = {name: [] for name in _RESULTS}
    for _ in range(room.world.rounds):
        for name in _RESULTS:
            seconds, lines = sheets.stream(room, read.batch_id, name)
            if lines < many:
                raise RuntimeError(f"{name} has {lines} lines for {many} rows")
            rates[name].append(many / seconds)
    return [
        Row(f"{name} of {many:,} rows", tuple(rate), "rows/s", 10_000, "higher")
        for name, rate in rates.items()
    ]


def _roots(room: Room) -> dict[str, int]:
    roots = room.roots()
    return {name: roots[name] for name in _MEASURED}
