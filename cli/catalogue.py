"""``darkroom models``: the catalogue, and the providers' prices read anew."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Failed, Misused
from cli.output import Output


class _ListedByDefault(TyperGroup):
    """A group of commands that takes anything else for the arguments of its ``list``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a type of typer's own
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="List the catalogue; `sync` reads the providers' prices anew.", cls=_ListedByDefault)


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="Only models with this in their name.")] = None,
    *,
    as_json: options.Json = False,
) -> None:
    """List the catalogue: every model with where it runs and what is published of its price."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get("/v1/models")
    shown = [model for model in found["data"] if name is None or name.lower() in model["id"].lower()]
    if not shown:
        raise Misused(f"no model of the catalogue has {name!r} in its name: `darkroom models` lists them")
    if as_json:
        output.json({**found, "data": shown})
        return
    output.table(("model", "kind", "provider", "endpoint", "price", "ready"), _offers(shown))


@app.command()
def sync(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep nothing: only show the changes.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show the prices that stayed, too.")] = False,
    as_json: options.Json = False,
) -> None:
    """Read the providers' price lists anew, and show what has changed; needs an admin key."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.post(f"/v1/models/sync?dry_run={str(dry_run).lower()}").body
    if as_json:
        output.json(found)
    else:
        _show(output, found, every=every)
    if found["failed"]:
        raise Failed("; ".join(f"{one['provider']}: {one['message']}" for one in found["failed"]))


def _show(output: Output, found: Mapping[str, Any], *, every: bool) -> None:
    shown = [one for one in found["prices"] if every or one["change"] in {"new", "changed"}]
    if shown:
        output.table(("provider", "endpoint", "before", "now", "change"), map(_difference, shown))
    kept = "would be kept" if found["dry_run"] else "kept"
    output.line(f"{found['changed']} of {len(found['prices'])} prices are new or changed, and {kept}")


def _difference(one: Mapping[str, Any]) -> tuple[str, ...]:
    change = one["change"].replace("_", " ") if one["percent"] is None else f"{one['percent']} %"
    return one["provider"], one["endpoint"], _named(one["before"]), _named(one["now"]), change


def _named(price: Mapping[str, Any] | None) -> str:
    return "" if price is None else f"${price['usd']} per {price['unit']}"


def _offers(found: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    for model in found:
        for offer in model["offers"]:
            yield (
                model["id"],
                model["kind"],
                offer["provider"],
                offer["endpoint"],
                _price(offer),
                _readiness(offer),
            )


def _price(offer: Mapping[str, Any]) -> str:
    """What the provider itself named last, else what is published; it varies where it is bound to inputs."""
    named = offer.get("provider_prices")
    if named:
        return f"{_named(named[0])} since {named[0]['since'][:10]}"
    price = offer["price"]
    if price is None:
        return "not published"
    usd = [price["usd"], *([price["high_usd"]] if price["high_usd"] else [])]
    variants = ", varies" if price["tiers"] or price["only_when"] else ""
    return f"${' to $'.join(usd)} per {offer['unit']}{variants}"


def _readiness(offer: Mapping[str, Any]) -> str:
    if not offer["configured"]:
        return "no key"
    return "sandbox" if offer["sandbox"] else "yes"
