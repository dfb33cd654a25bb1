"""``darkroom retention``: for how long the project keeps prompts and files."""

from typing import Annotated, Any

import typer

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output

app = typer.Typer(help="Say for how long prompts and files are kept.", no_args_is_help=True)

_PATH = "/v1/retention"
_Days = Annotated[str | None, typer.Option(metavar="DAYS", help="1 to 3650, or `forever`.")]


@app.command()
def show(*, as_json: options.Json = False) -> None:
    """Show for how many days prompts and files are kept."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get(_PATH)
    _show(output, found)


@app.command("set")
def set_periods(*, prompts: _Days = None, assets: _Days = None, as_json: options.Json = False) -> None:
    """Set a period, counted from when a job was accepted; what is not named stays as it is.

    What is past it already is erased within minutes, for good. Amounts stay.
    """
    if prompts is None and assets is None:
        raise Misused("name at least one period: --prompts 30, or --assets forever")
    named = {"prompt_days": prompts, "asset_days": assets}
    changes = {name: _days(given) for name, given in named.items() if given is not None}
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get(_PATH)
        kept = {name: found[name] for name in named}
        made = client.put(_PATH, kept | changes)
    _show(output, made)


def _days(given: str) -> int | None:
    if given == "forever":
        return None
    if not (given.isascii() and given.isdigit()):
        raise Misused(f"{given!r} is not a number of days: write it like 30, or forever")
    return int(given)


def _show(output: Output, found: dict[str, Any]) -> None:
    if output.as_json:
        output.json(found)
        return
    names = (("prompts", "prompt_days"), ("files", "asset_days"))
    output.facts((words, _words(found[name])) for words, name in names)


def _words(days: int | None) -> str:
    return "kept for ever" if days is None else f"erased after {days} days"
