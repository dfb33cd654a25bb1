"""Sending a sheet: streamed from the disk, and taken once however often the answer is lost."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.batches.sheet import SheetFile
from cli.client import Answer, Client
from cli.errors import NoAnswer
from cli.output import Output

_PATH: Final = "/v1/batches"
_PAUSES_SECONDS: Final = (0.5, 0.5, 1.0)


def send_once(
    client: Client, sheet: SheetFile, fields: Mapping[str, str], key: str, output: Output
) -> Answer:
    """Have a batch made; a lost answer is asked for again under the same key, which never makes a second one.

    Raises:
        NoAnswer: every answer was lost; the message says how to ask again safely.
    """
    headers = {"Idempotency-Key": key}
    with _shown(sheet, output) as file:
        for pause in _PAUSES_SECONDS:
            try:
                return client.upload(_PATH, (sheet.name, file), fields, headers=headers)
            except NoAnswer:
                time.sleep(pause)
        try:
            return client.upload(_PATH, (sheet.name, file), fields, headers=headers)
        except NoAnswer as lost:
            again = f"the batch may have been taken: the same command with --key {key}"
            raise NoAnswer(f"{lost}; {again} finds it, and makes no second one") from lost


def try_out(client: Client, sheet: SheetFile, fields: Mapping[str, str], output: Output) -> Any:  # noqa: ANN401 - JSON
    """The verdict on every row, and the price; nothing is made."""
    with _shown(sheet, output) as file:
        return client.upload(_PATH, (sheet.name, file), fields, params={"dry_run": "true"}).body


@contextmanager
def _shown(sheet: SheetFile, output: Output) -> Iterator[BinaryIO]:
    """The file behind a bar that shows how much of it was sent."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.err, transient=True, disable=not output.lively) as progress:
        yield progress.wrap_file(sheet.file, total=sheet.size, description="uploading, then checking")
