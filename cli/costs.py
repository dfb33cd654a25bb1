"""``darkroom costs`` and ``darkroom audit``: what was spent, in groups, and whether the books add up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import FAILED
from cli.output import Output
from cli.rendering import money

# It reads every job of the project.
_AUDIT_SECONDS: Final = 600.0
_COUNTS: Final = ("n", "succeeded", "failed", "unknown", "not_final")
_AMOUNTS: Final = ("spent", "invoiced", "held")


def costs(
    *,
    group_by: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME]",
            help="provider, endpoint, model, kind, status, basis, batch_id, day, month, sandbox, tag.NAME.",
        ),
    ] = "provider,model",
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Like 2026-01-31, by UTC.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="It is included.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="NAME:VALUE", help="Only jobs with this tag.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write it there as CSV.")] = None,
    as_json: options.Json = False,
) -> None:
    """Say what was spent, in groups; what nobody knows is counted and never taken for 0."""
    asked = {"group_by": group_by or None, "from": first, "to": last, "tag": tag}
    params = {name: value for name, value in asked.items() if value is not None}
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        if csv is not None:
            with client.stream("/v1/costs.csv", params) as blocks:
                csv.write_bytes(b"".join(blocks))
            output.note(f"written to {csv}")
            return
        found = client.get("/v1/costs", params)
    if as_json:
        output.json(found)
        return
    names = found["group_by"]
    rows = [[_cell(one["group"][name]) for name in names] + _sums(one) for one in found["data"]]
    if names:
        rows.append(["total", *("" for _ in names[1:]), *_sums(found["total"])])
    output.table([*names, *_words(_COUNTS), *_AMOUNTS], rows)


def audit(*, as_json: options.Json = False) -> None:
    """Prove that the ledger adds up; ends with 1 where something does not."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get("/v1/costs/audit", hold=_AUDIT_SECONDS)
    if as_json:
        output.json(found)
    else:
        output.table(
            ("check", "checked", "wrong", "rule"),
            ((one["name"], str(one["checked"]), str(one["wrong"]), one["rule"]) for one in found["checks"]),
        )
        wrong = [(check["name"], one) for check in found["checks"] for one in check["first"]]
        for name, one in wrong:
            amounts = f"is {_nano(one['is'])}, should be {_nano(one['should_be'])}"
            output.line(f"{name} {one['id']}: {amounts}")
        output.line("it adds up" if found["adds_up"] else "it does not add up")
    if not found["adds_up"]:
        raise typer.Exit(FAILED)


def _sums(sums: Mapping[str, Any]) -> list[str]:
    invoiced = "" if sums["invoiced"] is None else money(sums["invoiced"])
    return [*(str(sums[name]) for name in _COUNTS), money(sums["spent"]), invoiced, money(sums["held"])]


def _words(names: tuple[str, ...]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _nano(amount: Mapping[str, Any]) -> str:
    return f"{amount['nano_usd']} nano-dollars"
