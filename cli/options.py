"""The options that several commands share, and the one request that they make."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.assignments import read_inputs, read_tags
from cli.errors import Misused

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name of `darkroom models`, fal:owner/app or linkmodel:id.")
]
Prompt = Annotated[
    str, typer.Argument(metavar="PROMPT", help="What to make; - reads it from standard input.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An input, like duration=5 or extra.steps=4."),
]
Kind = Annotated[
    Literal["image", "video"] | None, typer.Option(help="Needed only for a model outside of the catalogue.")
]
Provider = Annotated[Literal["auto", "linkmodel", "fal"], typer.Option(help="Where it may run.")]
Policy = Annotated[
    str,
    typer.Option(
        metavar="NAME[,NAME]",
        help="How offers are ranked: cheapest, predictable, fastest or quality; the next one breaks ties.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="SHARES", help="Where jobs begin, to compare: linkmodel:80,fal:20."),
]
ZeroRetention = Annotated[
    bool, typer.Option("--zero-retention", help="Only offers that keep nothing of the job.")
]
MaxCost = Annotated[
    str | None, typer.Option("--max-cost", metavar="USD", help="Refuse offers that may cost more, like 0.50.")
]
Callback = Annotated[
    str | None, typer.Option("--callback", metavar="URL", help="Is told, signed, when the job ends.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="Kept with the job.")]
Folder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Wait, and download the files into this folder.")
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """A job as the options of ``submit`` and ``quote`` describe it; None is left to Darkroom."""

    model: str
    prompt: str
    inputs: list[str] | None = None
    kind: str | None = None
    routing: dict[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    tags: list[str] | None = None

    def body(self) -> dict[str, Any]:
        """The body of ``POST /v1/jobs``; raises Misused."""
        inputs = read_inputs(self.inputs or [])
        if "prompt" in inputs:
            raise Misused("the prompt is an argument of its own: leave it out of --set")
        request = {
            "model": self.model,
            "input": {"prompt": _prompt(self.prompt), **inputs},
            "kind": self.kind,
            "routing": {name: value for name, value in self.routing.items() if value is not None} or None,
            "callback_url": self.callback_url,
            "tags": read_tags(self.tags or []) or None,
        }
        return {name: value for name, value in request.items() if value is not None}


def routing_of(
    *, provider: str, policy: str, max_cost: str | None, split: str | None, zero_retention: bool
) -> dict[str, Any]:
    """The routing that these options describe; raises Misused."""
    policies = [name.strip() for name in policy.split(",")]
    return {
        "provider": provider,
        "policy": policies[0] if len(policies) == 1 else policies,
        "max_cost_usd": max_cost,
        "split": None if split is None else _shares(split),
        "zero_retention": zero_retention or None,
    }


def _shares(text: str) -> dict[str, int]:
    shares: dict[str, int] = {}
    for part in text.split(","):
        name, _, share = part.strip().partition(":")
        if not share.isdecimal():
            raise Misused(f"{text!r} is not a list of shares: write it like linkmodel:80,fal:20")
        shares[name] = int(share)
    return shares


def _prompt(given: str) -> str:
    return sys.stdin.read().strip() if given == "-" else given
