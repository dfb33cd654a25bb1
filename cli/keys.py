"""``darkroom keys``: make, list and revoke the API keys of a project; needs an admin key."""

from typing import Annotated, Literal

import typer

from cli import options
from cli.assignments import uuid_of
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.output import Output

app = typer.Typer(help="Make, list and revoke API keys; needs an admin key.", no_args_is_help=True)


@app.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="What it is for, to know it by.")],
    scope: Annotated[Literal["read", "submit", "admin"], typer.Option(help="What it may do.")] = "submit",
    as_json: options.Json = False,
) -> None:
    """Make a key. It is shown once, here."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        made = client.post("/v1/keys", {"name": name, "scope": scope}).body
    if as_json:
        output.json(made)
        return
    output.line(made["key"])
    output.note(f"this is the only time that it is shown; to revoke it: darkroom keys revoke {made['id']}")


@app.command("list")
def list_keys(*, as_json: options.Json = False) -> None:
    """List the project's keys, by the part of them that may be shown."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get("/v1/keys")
    if as_json:
        output.json(found)
        return
    rows = (
        (
            key["id"],
            key["prefix"] + "…",
            key["name"],
            key["scope"],
            key["created_at"],
            key["revoked_at"] or "",
        )
        for key in found["data"]
    )
    output.table(("id", "key", "name", "scope", "created", "revoked"), rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The id of a key, from `darkroom keys list`.")],
    *,
    as_json: options.Json = False,
) -> None:
    """Make a key useless, within five seconds everywhere."""
    key_id = uuid_of(key, "key")
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        client.delete(f"/v1/keys/{key_id}")
    if as_json:
        output.json({"id": key_id, "revoked": True})
    else:
        output.line(f"revoked {key_id}")
