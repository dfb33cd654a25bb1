"""Bringing many files at once: several threads take one after the other; a fault of one stops no other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.batches.made import MadeFile
from cli.batches.rendering import counted
from cli.batches.transfer import Advance, Transfer
from cli.client import Client
from cli.errors import Failed
from cli.output import Output
from cli.refusals import Refused

# So many say that it is not the files: whoever asked is told, rather than each of many thousands tried.
_MOST_FAILURES: Final = 100


@dataclass(slots=True)
class Tally:
    """What became of the files: newly fetched, there already, and failed with why."""

    fetched: list[MadeFile] = field(default_factory=list)
    kept: list[MadeFile] = field(default_factory=list)
    failed: list[tuple[MadeFile, str]] = field(default_factory=list)


def bring_all(client: Client, files: Sequence[MadeFile], folder: Path, output: Output, *, jobs: int) -> Tally:
    """Have all ``files`` in the ``folder``, ``jobs`` at a time; after many failures no more are begun.

    Raises:
        Unreachable: Darkroom was away too long, or does not take the key.
        Misused: the folder cannot be written.
    """
    tally, stop = Tally(), Event()
    left: SimpleQueue[MadeFile] = SimpleQueue()
    for file in files:
        left.put(file)
    with (
        _shown(files, output) as advance,
        Transfer(client, folder, advance, stop) as transfer,
        ThreadPoolExecutor(jobs) as pool,
    ):
        try:
            workers = [pool.submit(_work, transfer, left, tally, stop) for _ in range(jobs)]
            for worker in wait(workers, return_when=FIRST_EXCEPTION).done:
                worker.result()
        finally:
            stop.set()
    return tally


def _work(transfer: Transfer, left: SimpleQueue[MadeFile], tally: Tally, stop: Event) -> None:
    while not stop.is_set() and len(tally.failed) < _MOST_FAILURES:
        try:
            file = left.get_nowait()
        except Empty:
            return
        try:
            (tally.fetched if transfer.bring(file) else tally.kept).append(file)
        except (Failed, Refused) as error:
            tally.failed.append((file, str(error)))


@contextmanager
def _shown(files: Sequence[MadeFile], output: Output) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.err, transient=True, disable=not output.lively) as progress:
        task = progress.add_task(counted(len(files), "file"), total=sum(file.bytes for file in files))
        yield lambda done: progress.advance(task, done)
