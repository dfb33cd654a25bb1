"""``darkroom batch submit``: a sheet becomes a batch, and with the same settings always the same one."""

import uuid
from typing import Annotated, Final, Literal

import typer

from cli import options
from cli.batches import trial
from cli.batches.following import follow as follow_batch
from cli.batches.rendering import facts
from cli.batches.settings import BatchSettings, key_of
from cli.batches.sheet import SheetFile, opened
from cli.batches.uploading import send_once, try_out
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output

_REPLAYED: Final = "Idempotency-Replayed"

File = Annotated[str, typer.Argument(metavar="FILE", help="A CSV file; - reads it from standard input.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check every row and the price; make nothing. Code 1 for bad rows.")
]
Follow = Annotated[
    bool, typer.Option("--follow", help="Stay until it has ended; code 1 if a row did not succeed.")
]
DefaultModel = Annotated[str | None, typer.Option("--model", help="For rows that name no model.")]
Name = Annotated[str | None, typer.Option(help="To know the batch by.")]
Budget = Annotated[
    str | None, typer.Option(metavar="USD", help="Pause before the batch costs more than this, like 250.00.")
]
Callback = Annotated[
    str | None,
    typer.Option("--callback-url", "--callback", metavar="URL", help="Is told, signed, of the batch's end."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Run nothing if a single row is bad.")]
Priority = Annotated[
    Literal["high", "normal", "low"] | None,
    typer.Option(help="Which go first when there is not room for all."),
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="The same idempotency key never makes a second batch."),
]
Again = Annotated[
    bool, typer.Option("--again", help="Make a new batch of a sheet that was submitted before.")
]
Provider = Annotated[Literal["auto", "linkmodel", "fal"] | None, typer.Option(help="Where rows may run.")]
Policy = Annotated[
    Literal["cheapest", "predictable", "fastest", "quality"] | None,
    typer.Option(help="How offers are ranked."),
]


def submit(  # noqa: PLR0913 - a command's parameters are its options
    file: File,
    *,
    dry_run: DryRun = False,
    follow: Follow = False,
    model: DefaultModel = None,
    name: Name = None,
    budget: Budget = None,
    callback_url: Callback = None,
    strict: Strict = False,
    priority: Priority = None,
    kind: options.Kind = None,
    provider: Provider = None,
    policy: Policy = None,
    max_cost: options.MaxCost = None,
    inputs: options.Inputs = None,
    tags: options.Tags = None,
    key: Key = None,
    again: Again = False,
    as_json: options.Json = False,
) -> None:
    """Submit a sheet, a job a row. What a row says itself goes before the options."""
    if key is not None and again:
        raise Misused("--key and --again do not go together: --again makes a key of its own")
    routing = {"provider": provider, "policy": policy, "max_cost_usd": max_cost}
    asked = BatchSettings(
        model, name, kind, budget, callback_url, priority, strict, routing, inputs, tags
    ).fields()
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client, opened(file) as sheet:
        if dry_run:
            trial.report(try_out(client, sheet, asked, output), output, budget=budget)
            return
        _submit(client, sheet, asked, _key(key, sheet, asked, again=again), output, follow=follow)


def _submit(
    client: Client, sheet: SheetFile, asked: dict[str, str], key: str, output: Output, *, follow: bool
) -> None:
    answer = send_once(client, sheet, asked, key, output)
    batch = answer.body
    if answer.headers.get(_REPLAYED) == "true":
        output.note(f"this was submitted before, as batch {batch['id']}: --again makes a new one")
    if follow:
        follow_batch(client, batch, output)
    elif output.as_json:
        output.json(batch)
    else:
        output.facts(facts(batch))
        output.note(f"`darkroom batch follow {batch['id']}` stays until it has ended")


def _key(given: str | None, sheet: SheetFile, asked: dict[str, str], *, again: bool) -> str:
    if again:
        return str(uuid.uuid4())
    return given or key_of(sheet.sha256, asked)
