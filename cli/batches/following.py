"""Following a batch until nothing more happens to it by itself; it goes on whoever follows it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.batches.rendering import duration, facts, over
from cli.batches.verdict import at_rest, shortfall
from cli.client import Client
from cli.errors import Failed
from cli.output import Output, plain
from cli.patience import AWAY_SECONDS, patiently
from cli.rendering import money

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0

Batch = dict[str, Any]
Show = Callable[[Mapping[str, Any]], None]


def follow(client: Client, batch: Batch, output: Output, *, away_seconds: float = AWAY_SECONDS) -> None:
    """Stay until the batch has ended or is paused, and print what it came to.

    Raises:
        Failed: not every row of its sheet succeeded.
        Unreachable: Darkroom was away for ``away_seconds``; the batch itself goes on.
    """
    try:
        batch = _at_rest(client, batch, output, away_seconds)
    except KeyboardInterrupt:
        output.note(f"the batch goes on: `darkroom batch follow {batch['id']}` shows it again")
        raise
    if output.as_json:
        output.json(batch)
    else:
        output.facts(facts(batch))
    lacks = shortfall(batch)
    if lacks is not None:
        raise Failed(lacks)
    if not output.as_json:
        output.note(f"`darkroom batch results {batch['id']} --out FILE.csv` writes the results to a file")


def _at_rest(client: Client, batch: Batch, output: Output, away_seconds: float) -> Batch:
    pause = _FIRST_PAUSE_SECONDS
    with _shown(batch, output) as show:
        while not at_rest(batch):
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            batch = _look(client, batch["id"], away_seconds)
            show(batch)
    return batch


def _look(client: Client, batch_id: str, away_seconds: float) -> Batch:
    """The batch as it stands; asked for again while nobody answers, which says nothing about it."""
    return patiently(
        lambda: client.get(f"/v1/batches/{batch_id}"),
        away_seconds=away_seconds,
        otherwise=f"the batch goes on: `darkroom batch follow {batch_id}` shows it again",
    )


@contextmanager
def _shown(batch: Mapping[str, Any], output: Output) -> Iterator[Show]:
    """A bar of the rows that are over, for whoever watches."""
    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[standing]}"),
    )
    with Progress(*columns, console=output.err, transient=True, disable=not output.lively) as progress:
        task = progress.add_task("", total=batch["rows"], **_fields(batch))
        yield lambda now: progress.update(task, completed=over(now), **_fields(now))


def _fields(batch: Mapping[str, Any]) -> dict[str, Any]:
    standing = [f"{money(batch['spent'])} spent", f"{batch['counts']['failed']:,} failed"]
    if batch["rate_per_minute"] is not None:
        standing.append(f"{batch['rate_per_minute']:g}/min")
    if batch["seconds_left"]:
        standing.append(f"{duration(batch['seconds_left'])} left")
    return {"state": plain(batch["state"]), "standing": ", ".join(standing)}
