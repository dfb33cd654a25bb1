"""``darkroom batch results`` and ``errors``: streamed to a file that is there once it is whole, or out."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn

from cli import options
from cli.batches.paths import BatchId, batch_path
from cli.batches.whole_files import written
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output

_FORMATS: Final = (".csv", ".jsonl")

Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this file: .csv or .jsonl.")
]
Bom = Annotated[
    bool, typer.Option("--bom", help="Begin CSV with the mark by which Excel on Windows knows UTF-8.")
]


def results(batch: BatchId, *, out: Out = None, bom: Bom = False, as_json: options.Json = False) -> None:
    """Fetch what became of every row, your own columns first; also while the batch runs.

    Without --out it goes to standard output: as CSV, and with --json as a line of JSON a row.
    """
    _fetch(f"{batch_path(batch)}/results", out, bom=bom, as_json=as_json)


def errors(batch: BatchId, *, out: Out = None, bom: Bom = False, as_json: options.Json = False) -> None:
    """Fetch what was wrong: bad rows, a line a problem, and jobs that did not succeed; also while it runs.

    Without --out it goes to standard output: as CSV, and with --json as a line of JSON an error.
    """
    _fetch(f"{batch_path(batch)}/errors", out, bom=bom, as_json=as_json)


def _fetch(path: str, out: Path | None, *, bom: bool, as_json: bool) -> None:
    ending = _ending(out) or (".jsonl" if as_json else ".csv")
    output = Output(as_json=as_json)
    params = {"bom": "true"} if bom and ending == ".csv" else {}
    with Client(connection(read_settings())) as client, client.stream(f"{path}{ending}", params) as blocks:
        if out is None:
            _to_stdout(blocks)
        else:
            _to_file(blocks, out, output)


def _ending(out: Path | None) -> str | None:
    if out is None or out.suffix.lower() in _FORMATS:
        return None if out is None else out.suffix.lower()
    raise Misused(f"--out {out} does not say what to write: name a file that ends in {' or '.join(_FORMATS)}")


def _to_stdout(blocks: Iterable[bytes]) -> None:
    for block in blocks:
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def _to_file(blocks: Iterable[bytes], out: Path, output: Output) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn())
    size = 0
    with (
        Progress(*columns, console=output.err, transient=True, disable=not output.lively) as progress,
        written(out) as file,
    ):
        task = progress.add_task(f"writing {out.name}", total=None)
        for block in blocks:
            file.write(block)
            size += len(block)
            progress.update(task, completed=size)
    if output.as_json:
        output.json({"file": str(out), "bytes": size})
    else:
        output.line(f"saved {out}")
