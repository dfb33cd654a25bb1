"""The files that a batch's rows have made, and where in a folder each belongs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cli.client import Client
from domain.asset_paths import asset_path
from outbound.signatures import extension


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
    with client.stream(f"/v1/batches/{batch['id']}/assets.jsonl") as blocks:
        return [_file(json.loads(line), batch["rows"]) for line in _lines(blocks)]


def _file(told: Mapping[str, Any], rows: int) -> MadeFile:
    # Named here, as in the archive: whatever is told, nothing is written outside of the folder.
    ending = extension(told["content_type"])
    path = asset_path(told["row_number"], rows, told["row_id"], told["n"], ending)
    size, digest = told["bytes"], told["sha256"]
    row = (told["row_number"], told["row_id"], told["job_id"])
    return MadeFile(*row, path, size, digest, told["content_type"], told["url"])


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        *whole, left = (left + block).split(b"\n")
        yield from whole
