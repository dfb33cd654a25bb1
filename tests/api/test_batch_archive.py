"""All files of a batch as one archive: whole, named safely, checked, and visibly torn where one is wrong."""

import csv
import json
from contextlib import suppress
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import httpx
import pytest

from storage.objects.keys import object_key
from tests.support.finished_batches import FinishedBatch, a_batch, put
from tests.support.front import Project
from tests.support.rows import NOON
from tests.support.until import until

SHEET = b"prompt;duration\na kite;5\na dune;5\na gull;5\n"
VIDEO = bytes(range(256)) * 400


@pytest.fixture
def batch(project: Project) -> FinishedBatch:
    return a_batch(project.runtime, project.id, SHEET, name="Kites/2026")


@pytest.fixture
def path(batch: FinishedBatch) -> str:
    return f"/v1/batches/{batch.record.id}"


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_the_archive_holds_every_file_and_says_what_it_is(
    client: httpx.Client, batch: FinishedBatch, path: str
) -> None:
    first, _ = batch.made(0, VIDEO, b"second", row_id="../7")
    batch.job(1, "failed")
    third, _ = batch.made(2, b"third", row_id="=9")
    answer = client.get(f"{path}/assets.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="Kites_2026-assets.zip"'
    with ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {ZIP_STORED}
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = list(csv.reader(StringIO(files.pop("manifest.csv").decode(), newline=""), delimiter=";"))
    assert files == {"1-7/0.mp4": VIDEO, "1-7/1.mp4": b"second", "3-9/0.mp4": b"third"}
    assert manifest == [
        ["row", "row_id", "job_id", "file", "bytes", "sha256", "content_type"],
        ["1", "../7", str(first.id), "1-7/0.mp4", str(len(VIDEO)), _hash(VIDEO), "video/mp4"],
        ["1", "../7", str(first.id), "1-7/1.mp4", "6", _hash(b"second"), "video/mp4"],
        ["3", "'=9", str(third.id), "3-9/0.mp4", "5", _hash(b"third"), "video/mp4"],
    ]


def test_the_list_tells_of_every_file_what_the_archive_does_and_where_it_is(
    client: httpx.Client, batch: FinishedBatch, path: str
) -> None:
    first, _ = batch.made(0, VIDEO, b"second", row_id="../7")
    batch.job(1, "failed")
    third, _ = batch.made(2, b"third", row_id="=9")
    answer = client.get(f"{path}/assets.jsonl")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0] == {
        "row_number": 1,
        "row_id": "../7",
        "job_id": str(first.id),
        "n": 0,
        "file": "1-7/0.mp4",
        "bytes": len(VIDEO),
        "sha256": _hash(VIDEO),
        "content_type": "video/mp4",
        "url": f"/v1/jobs/{first.id}/assets/0",
    }
    assert [(line["job_id"], line["file"]) for line in lines[1:]] == [
        (str(first.id), "1-7/1.mp4"),
        (str(third.id), "3-9/0.mp4"),
    ]
    assert client.get(lines[2]["url"]).status_code == 307


def test_a_batch_without_files_has_an_archive_that_says_so(client: httpx.Client, path: str) -> None:
    with ZipFile(BytesIO(client.get(f"{path}/assets.zip").content)) as archive:
        assert archive.namelist() == ["manifest.csv"]
        assert len(archive.read("manifest.csv").splitlines()) == 1


def test_a_part_of_the_archive_cannot_be_asked_for(client: httpx.Client, path: str) -> None:
    answer = client.get(f"{path}/assets.zip", headers={"Range": "bytes=5-9"})
    assert answer.status_code == 200
    assert answer.headers["accept-ranges"] == "none"
    assert answer.content.startswith(b"PK")


@pytest.mark.parametrize("wrong", [b"third!", b"thirst", b"thir", None])
def test_a_file_that_is_not_as_it_was_made_tears_the_archive(
    client: httpx.Client, batch: FinishedBatch, path: str, wrong: bytes | None
) -> None:
    batch.made(0, VIDEO)
    job, _ = batch.made(2, b"third")
    key = object_key(str(batch.record.project_id), NOON, job.id, 0, "mp4")
    batch.runtime.objects.delete(key)
    if wrong is not None:
        put(batch.runtime, key, wrong)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{path}/assets.zip")


def test_a_client_that_goes_away_ends_the_work(client: httpx.Client, batch: FinishedBatch, path: str) -> None:
    job, _ = batch.made(0, bytes(64 * 1024 * 1024))
    with client.stream("GET", f"{path}/assets.zip") as answer:
        next(answer.iter_raw())
        # The name of the file is sent before its bytes are read.
        until(lambda: _is_open(str(job.id)), "the file to be opened")
    until(lambda: not _is_open(str(job.id)), "the file to be closed")


def _is_open(part_of_name: str) -> bool:
    """Whether this process, which is also the server, has such a file open."""
    names = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(descriptor.readlink()))
    return any(part_of_name in name for name in names)
