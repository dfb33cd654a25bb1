"""Sheets of a hundred thousand rows: written to the disk, and taken through Darkroom as a customer does."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench.room import Room
from bench.world import World

_HEADER: Final = ("row_id", "prompt", "model", "seed", "campaign", "notes")
_WORDS: Final = "a red kite over dunes, early morning light, slow dolly in, 35 mm, grain, "
_PATIENCE_SECONDS: Final = 180.0
_LOOK_SECONDS: Final = 0.1
_READ: Final = """
    SELECT extract(epoch FROM read_at - created_at)::float, bad_rows, rows FROM batches
    WHERE id = %(id)s AND read_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class SheetOfRows:
    """A file of so many rows whose prompts all begin with ``mark``."""

    path: Path
    rows: int
    mark: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A batch as the client sees it; ``at`` is when its 202 had come, in seconds since 1970."""

    id: str
    seconds: float
    at: float


def write(world: World, mark: str, rows: int, *, prompt_characters: int = 60) -> SheetOfRows:
    """Six columns, two of them kept for the results alone; each row has a prompt and a seed of its own."""
    path = world.own_folder("sheet") / "rows.csv"
    prompt = (_WORDS * (prompt_characters // len(_WORDS) + 1))[:prompt_characters]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEADER)
        table.writerows(
            (f"{mark}-{n}", f"{mark} {n} {prompt}", "flux-dev", n, f"spring {n % 7}", "as agreed, by phone")
            for n in range(rows)
        )
    return SheetOfRows(path, rows, mark)


def upload(room: Room, sheet: SheetOfRows, *, paused: bool) -> Uploaded:
    """Have a sheet taken in; ``paused`` at once, none of its rows is let out, and it is read all the same."""
    with httpx.Client(base_url=room.url, headers=_headers(room), timeout=120, trust_env=False) as client:
        begun = time.time()
        with sheet.path.open("rb") as file:
            made = _said(client.post("/v1/batches", content=file, headers={"Content-Type": "text/csv"}), 202)
        at = time.time()
        if paused:
            pause(room, made["id"])
    return Uploaded(made["id"], at - begun, at)


def pause(room: Room, batch_id: str) -> None:
    """Have nothing more of a batch let out."""
    path = f"{room.url}/v1/batches/{batch_id}/pause"
    _said(httpx.post(path, headers=_headers(room), timeout=60, trust_env=False), 200)


def seconds_to_read(room: Room, batch_id: str) -> float:
    """From when the batch was made until all of its rows were jobs; waits for it.

    Raises:
        RuntimeError: rows were refused: they are all right.
        TimeoutError: it takes minutes.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := room.query(_READ, id=batch_id)):
        if time.monotonic() > end:
            raise TimeoutError(f"batch {batch_id} is not read after {_PATIENCE_SECONDS:g} s")
        room.world.pause(_LOOK_SECONDS)
    [(seconds, bad, rows)] = found
    if bad:
        raise RuntimeError(f"{bad} of {rows} good rows were refused")
    return float(seconds)


def is_read(room: Room, batch_id: str) -> bool:
    """Whether all rows of a batch are jobs."""
    return bool(room.query(_READ, id=batch_id))


def stream(room: Room, batch_id: str, name: str) -> tuple[float, int]:
    """The seconds that a file of results took to its end, and how many line ends came."""
    lines = 0
    path = f"{room.url}/v1/batches/{batch_id}/{name}"
    begun = time.perf_counter()
    with httpx.stream("GET", path, headers=_headers(room), timeout=60, trust_env=False) as answer:
        answer.raise_for_status()
        for block in answer.iter_raw():
            lines += block.count(b"\n")
    return time.perf_counter() - begun, lines


def _headers(room: Room) -> dict[str, str]:
    return {"Authorization": f"Bearer {room.key}"}


def _said(answer: httpx.Response, status: int) -> dict[str, Any]:
    if answer.status_code != status:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")
    told: dict[str, Any] = answer.json()
    return told
