"""Single jobs beside batches: how soon each is at the provider while rows flow, and while a file is read."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench import sheets
from bench.room import Accepted, Room
from bench.sheets import SheetOfRows
from bench.table import Row, quantile

_PAUSES: Final = (0.1, 0.4)
_LOOK_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 120.0
# Of what it takes on an idle system.
_MOST_TIMES: Final = 2.0
_WARMING: Final = 4
_FEW: Final = 15
_MANY: Final = 40


def idle(room: Room) -> list[float]:
    """Milliseconds from 202 to POST with nothing else there; the first few only warm everything up."""
    _sent(room, 0, lambda: False, most=_WARMING)
    _rest(room)
    jobs = _sent(room, _WARMING, lambda: False)
    _rest(room)
    return _waits(room.book()["made"], jobs)


def flowing(room: Room, sheet: SheetOfRows, idle: Sequence[float], how: str) -> list[Row]:
    """The same while the rows of ``sheet`` flow, and then while a file is read besides."""
    batch = sheets.upload(room, sheet, paused=False)
    sheets.seconds_to_read(room, batch.id)
    begun = time.time()
    beside_rows = _sent(room, 1_000, lambda: False)
    until = time.time()
    beside_both = _while_read(room, sheet, 2_000)
    sheets.pause(room, batch.id)
    _rest(room)
    made = room.book()["made"]
    flowed = [one["arrived"] for one in made if one["prompt"].startswith(sheet.mark)]
    pace = sum(begun <= at <= until for at in flowed) / (until - begun)
    return [
        Row(f"{how}: first of {sheet.rows:,} rows: 202 to POST", (min(flowed) - batch.at,), "s"),
        Row(f"{how}: a single job, idle: 202 to POST, median", tuple(idle), "ms"),
        Row(f"{how}: rows that flow beside it", (pace,), "rows/s"),
        *_compared(f"{how}: while rows flow", _waits(made, beside_rows), idle),
        *_compared(f"{how}: while rows flow and a file is read", _waits(made, beside_both), idle),
    ]


def reading(room: Room, sheet: SheetOfRows, idle: Sequence[float]) -> list[Row]:
    """The same while a file is read, none of whose rows runs."""
    jobs = _while_read(room, sheet, 3_000)
    _rest(room)
    return _compared("nothing flows: while a file is read", _waits(room.book()["made"], jobs), idle)


def _while_read(room: Room, sheet: SheetOfRows, first: int) -> list[Accepted]:
    read = sheets.upload(room, sheet, paused=True)
    return _sent(room, first, lambda: sheets.is_read(room, read.id))


def _sent(room: Room, first: int, over: Callable[[], bool], *, most: int | None = None) -> list[Accepted]:
    """Jobs one after another, at moments that nothing in the system knows of, until it is over."""
    chance = random.Random(first)  # noqa: S311 - the same run again
    accepted = list[Accepted]()
    for number in range(first, first + (most or (_FEW if room.world.quick else _MANY))):
        accepted += room.accept(1, first=number)
        room.world.pause(chance.uniform(*_PAUSES))
        if over():
            break
    return accepted


def _rest(room: Room) -> None:
    """Wait until nothing is sent or runs."""
    for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        if room.query("SELECT FROM agenda LIMIT 1") == []:
            return
        room.world.pause(_LOOK_SECONDS)
    raise TimeoutError(f"after {_PATIENCE_SECONDS:g} s there are still open jobs")


def _waits(made: Sequence[dict[str, Any]], jobs: Sequence[Accepted]) -> list[float]:
    arrived = {one["prompt"]: one["arrived"] for one in made}
    return [1000 * (arrived[job.prompt] - job.at) for job in jobs]


def _compared(when: str, waits: Sequence[float], idle: Sequence[float]) -> list[Row]:
    times = quantile(waits, 0.5) / quantile(idle, 0.5)
    return [
        Row(f"{when}, median of {len(waits)}", tuple(waits), "ms"),
        Row(f"{when}, of idle", (times,), "x", _MOST_TIMES),
    ]
