"""``darkroom quote``: what a job would cost before it is sent, at every offer, and what that stands on."""

from collections.abc import Mapping
from typing import Any

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.options import Asked
from cli.output import Output
from cli.rendering import money


def quote(  # noqa: PLR0913 - a command's parameters are its options
    model: options.Model,
    prompt: options.Prompt,
    *,
    inputs: options.Inputs = None,
    kind: options.Kind = None,
    provider: options.Provider = "auto",
    policy: options.Policy = "cheapest",
    max_cost: options.MaxCost = None,
    split: options.Split = None,
    zero_retention: options.ZeroRetention = False,
    as_json: options.Json = False,
) -> None:
    """Say what a job would cost at every offer, and in which order they would be tried. Nothing is sent."""
    routing = options.routing_of(
        provider=provider, policy=policy, max_cost=max_cost, split=split, zero_retention=zero_retention
    )
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
    for one in quoted["offers"]:
        output.line(f"{one['provider']} {one['endpoint']}: {one['evidence']['words']}")
    for one in quoted["passed_over"]:
        output.line(f"passed over: {one['provider']} {one['endpoint']}: {one['reason']}")


def _range(one: Mapping[str, Any]) -> str:
    if one["low"] == one["high"]:
        return money(one["high"])
    return f"{money(one['low'])} to {money(one['high'])}"


def _seconds(one: Mapping[str, Any]) -> str:
    return "" if one["expected_seconds"] is None else f"about {one['expected_seconds']} s"
