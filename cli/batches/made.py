"""The files that a batch's rows have made, and where in a folder each belongs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cli.client import Client
from domain.asset_paths import asset_path
from domain.lifecycle import JobStatus
from outbound.signatures import extension

_PAGE: Final = 200


class MadeFile(NamedTuple):
    """A file of a row that has succeeded; ``row`` counts from 1 on, ``path`` is within the folder."""

    row: int
    row_id: str | None
    job_id: str
    path: str
    bytes: int
    sha256: str
    content_type: str
    url: str


def made_files(client: Client, batch: Mapping[str, Any]) -> list[MadeFile]:
    """Every file of the rows that have succeeded so far, in the order of the rows."""
    # The results know the rows' numbers, the list of jobs knows the files.
    numbers = _row_numbers(client, batch["id"])
    found: list[MadeFile] = []
    for job in _succeeded(client, batch["id"]):
        row = numbers.get(job["id"])
        if row is not None:
            found += _files(job, row, batch["rows"])
    return sorted(found)


def _row_numbers(client: Client, batch_id: str) -> dict[str, int]:
    with client.stream(f"/v1/batches/{batch_id}/results.jsonl") as blocks:
        rows = map(json.loads, _lines(blocks))
        return {row["job_id"]: row["row_number"] for row in rows if row["status"] == JobStatus.SUCCEEDED}


def _succeeded(client: Client, batch_id: str) -> Iterator[dict[str, Any]]:
    asked: dict[str, str | int] = {"batch_id": batch_id, "status": JobStatus.SUCCEEDED.value, "limit": _PAGE}
    while True:
        page = client.get("/v1/jobs", asked)
        yield from page["data"]
        if not page["next_cursor"]:
            return
        asked["cursor"] = page["next_cursor"]


def _files(job: Mapping[str, Any], row: int, rows: int) -> Iterator[MadeFile]:
    for n, asset in enumerate(job["assets"]):
        path = asset_path(row, rows, job["row_id"], n, extension(asset["content_type"]))
        yield MadeFile(
            row,
            job["row_id"],
            job["id"],
            path,
            asset["bytes"],
            asset["sha256"],
            asset["content_type"],
            asset["url"],
        )


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        *whole, left = (left + block).split(b"\n")
        yield from whole
