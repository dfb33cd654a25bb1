"""``darkroom batch``: list, show, follow, pause, resume, cancel, retry and erase batches."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli import options
from cli.batches.download import download
from cli.batches.following import follow as follow_batch
from cli.batches.paths import BatchId, batch_path
from cli.batches.rendering import BATCH_COLUMNS, batch_rows, facts
from cli.batches.results import errors, results
from cli.batches.submit import submit
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.erasing import delete_batch
from cli.output import Output
from domain.batches import BatchState

app = typer.Typer(help="Submit sheets of jobs, follow them, and fetch what they made.", no_args_is_help=True)
for command in (submit, results, errors, download):
    app.command()(command)
app.command("delete")(delete_batch)

State = Annotated[BatchState | None, typer.Option(help="Only batches that stand there.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@app.command("list")
def list_batches(
    *,
    state: State = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    as_json: options.Json = False,
) -> None:
    """List batches, the newest first."""
    asked = {"state": state and state.value, "limit": limit, "cursor": cursor}
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        page = client.get("/v1/batches", {name: value for name, value in asked.items() if value is not None})
    if as_json:
        output.json(page)
        return
    output.table(BATCH_COLUMNS, batch_rows(page["data"]))
    if page["next_cursor"]:
        output.note(f"more: --cursor {page['next_cursor']}")


@app.command()
def show(batch: BatchId, *, as_json: options.Json = False) -> None:
    """Show one batch: where it stands, its rows, and what it costs."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get(batch_path(batch))
    if as_json:
        output.json(found)
    else:
        output.facts(facts(found))


@app.command()
def follow(batch: BatchId, *, as_json: options.Json = False) -> None:
    """Stay until a batch has ended or is paused; code 1 if not every row succeeded."""
    with Client(connection(read_settings())) as client:
        follow_batch(client, client.get(batch_path(batch)), Output(as_json=as_json))


@app.command()
def pause(batch: BatchId, *, as_json: options.Json = False) -> None:
    """Let nothing more of a batch out; what was sent goes on."""
    _do("pause", batch, as_json=as_json)


@app.command()
def resume(
    batch: BatchId,
    *,
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="A new budget, like 250.00; none takes it away.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Let a paused batch go on, with a larger budget where that stopped it."""
    body = None if budget is None else {"budget_usd": None if budget == "none" else budget}
    _do("resume", batch, body, as_json=as_json)


@app.command()
def cancel(batch: BatchId, *, as_json: options.Json = False) -> None:
    """Cancel what a batch has not sent, and ask the providers to drop the rest."""
    _do("cancel", batch, as_json=as_json)


@app.command()
def retry(batch: BatchId, *, as_json: options.Json = False) -> None:
    """Run the failed rows of a batch again; what is made and paid for is only fetched again."""
    _do("retry", batch, as_json=as_json)


def _do(what: str, batch: str, body: Mapping[str, Any] | None = None, *, as_json: bool) -> None:
    """Ask for a change, and say what it did."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        changed = client.post(f"{batch_path(batch)}/{what}", body).body
    if as_json:
        output.json(changed)
        return
    done = changed["done"]
    output.line(f"{done['effect'].replace('_', ' ')}: {done['message']}")
    output.facts(facts(changed))
