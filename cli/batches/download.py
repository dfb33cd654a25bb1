"""``darkroom batch download``: every file of a batch in a folder, many at a time, each only once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import options
from cli.batches.bringing import Tally, bring_all
from cli.batches.made import MadeFile, made_files
from cli.batches.paths import BatchId, batch_path
from cli.batches.rendering import counted, over, rows
from cli.batches.whole_files import written
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Failed
from cli.output import Output
from domain.sheets.writing import csv_blocks

_MANIFEST: Final = "manifest.csv"
_COLUMNS: Final = ("row", "row_id", "job_id", "file", "bytes", "sha256", "content_type")
_SHOWN_FAILURES: Final = 20

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder to fill; it is made if need be.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="How many files at a time.")]


def download(batch: BatchId, folder: Folder, *, jobs: Jobs = 8, as_json: options.Json = False) -> None:
    """Download every file of the rows that have succeeded; what is there already with the right bytes stays.

    Each is checked against its SHA-256. `manifest.csv` in the folder lists which file belongs to which row.
    """
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get(batch_path(batch))
        with output.telling("looking what there is"):
            files = made_files(client, found)
        try:
            tally = bring_all(client, files, folder, output, jobs=jobs)
        except KeyboardInterrupt:
            output.note("what has arrived whole stays: the same command goes on from there")
            raise
    there = sorted(tally.fetched + tally.kept)
    with written(folder / _MANIFEST) as manifest:
        manifest.writelines(csv_blocks(_lines(there)))
    _tell(found, files, tally, folder, output)


def _lines(files: Iterable[MadeFile]) -> Iterator[Sequence[str]]:
    yield _COLUMNS
    for file in files:
        number, size = str(file.row), str(file.bytes)
        yield number, file.row_id or "", file.job_id, file.path, size, file.sha256, file.content_type


def _tell(
    batch: Mapping[str, Any], files: Sequence[MadeFile], tally: Tally, folder: Path, output: Output
) -> None:
    missing = len(files) - len(tally.fetched) - len(tally.kept)
    if output.as_json:
        output.json(_summary(files, tally, folder))
    else:
        was_there = f"{len(tally.fetched):,} fetched, {len(tally.kept):,} there already"
        output.line(f"{counted(len(files) - missing, 'file')} in {folder}: {was_there}")
    open_rows = batch["rows"] - over(batch)
    if open_rows > 0:
        output.note(f"{rows(open_rows)} of the batch not over yet: the same command fetches theirs later")
    for file, reason in tally.failed[:_SHOWN_FAILURES]:
        output.note(f"{file.path} (job {file.job_id}): {reason}")
    if missing:
        of = f"{missing:,} of {counted(len(files), 'file')}"
        raise Failed(f"{of} are missing in {folder}: the same command fetches only those")


def _summary(files: Sequence[MadeFile], tally: Tally, folder: Path) -> dict[str, Any]:
    failed = [{"file": file.path, "job_id": file.job_id, "message": why} for file, why in tally.failed]
    return {
        "folder": str(folder),
        "manifest": str(folder / _MANIFEST),
        "files": len(files),
        "fetched": len(tally.fetched),
        "kept": len(tally.kept),
        "failed": failed,
    }
