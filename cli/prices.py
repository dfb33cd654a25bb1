"""``darkroom models`` and ``darkroom quote``: what there is, and what a job would cost before it is sent."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.options import Asked
from cli.output import Output
from cli.rendering import money


def models(
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


def quote(  # noqa: PLR0913 - a command's parameters are its options
    model: options.Model,
    prompt: options.Prompt,
    *,
    inputs: options.Inputs = None,
    kind: options.Kind = None,
    provider: options.Provider = "auto",
    policy: options.Policy = "cheapest",
    max_cost: options.MaxCost = None,
    as_json: options.Json = False,
) -> None:
    """Say what a job would cost at every offer, and in which order they would be tried. Nothing is sent."""
    routing = {"provider": provider, "policy": policy, "max_cost_usd": max_cost}
    asked = Asked(model, prompt, inputs, kind, routing)
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        quoted = client.post("/v1/quotes", asked.body()).body
    if as_json:
        output.json(quoted)
        return
    rows = (
        (str(one["rank"]), one["provider"], one["endpoint"], _range(one), _seconds(one), one["why"])
        for one in quoted["offers"]
    )
    output.table(("rank", "provider", "endpoint", "price", "takes", "why"), rows)
    for one in quoted["passed_over"]:
        output.line(f"passed over: {one['provider']} {one['endpoint']}: {one['reason']}")


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
    """The published price; it varies where it is bound to inputs."""
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


def _range(one: Mapping[str, Any]) -> str:
    if one["low"] == one["high"]:
        return money(one["high"])
    return f"{money(one['low'])} to {money(one['high'])}"


def _seconds(one: Mapping[str, Any]) -> str:
    return "" if one["expected_seconds"] is None else f"about {one['expected_seconds']} s"
