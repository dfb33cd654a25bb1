"""``darkroom compare``: where a model is cheaper, how sure that is, and what a month comes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Failed, Misused
from cli.later import later
from cli.output import Output
from domain.comparing_verdict import rounded_usd
from domain.lifecycle import Kind

_COLUMNS: Final = (
    *("model", "provider", "endpoint", "n", "unknown", "min", "median", "max", "spread"),
    *("p50", "p95", "cold", "a month", "certainty"),
)
_PICTURES: Final = (".png", ".svg", ".pdf")


def compare(  # noqa: PLR0913 - a command's parameters are its options
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="As jobs give it.")],
    *,
    monthly: Annotated[int, typer.Option(min=1, help="How many jobs a month it is projected for.")] = 1000,
    kind: Annotated[Kind | None, typer.Option(help="Only jobs of this kind.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Like 2026-01-31, by UTC.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="It is included.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="NAME:VALUE", help="Only jobs with this tag.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write it there as CSV.")] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Draw it there: .png, .svg or .pdf.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare what succeeded jobs really cost at each provider, and what a month would come to."""
    if chart is not None and chart.suffix.lower() not in _PICTURES:
        raise Misused(f"--chart cannot be {chart.name}: end it in {', '.join(_PICTURES)}")
    output = Output(as_json=as_json)
    more = {"kind": kind and kind.value, "from": first, "to": last, "tag": tag}
    given = [("model", model) for model in models] + [("monthly", str(monthly))]
    given += [(name, value) for name, value in more.items() if value is not None]
    with Client(connection(read_settings())) as client:
        found = client.get(f"/v1/costs/compare?{urlencode(given)}")
        if csv is not None:
            with client.stream(f"/v1/costs/compare.csv?{urlencode(given)}") as blocks:
                _write(csv, b"".join(blocks))
            output.note(f"written to {csv}")
    if as_json:
        output.json(found)
    else:
        show(output, found)
    if chart is not None:
        drawn = later("cli.comparing_chart", "picture")(found, chart.suffix.lower()[1:])
        _write(chart, drawn)
        output.note(f"drawn to {chart}")


def show(output: Output, found: Mapping[str, Any]) -> None:
    """The table of a comparison, what each month comes to and why, and where it is cheaper."""
    if found["data"]:
        output.table(_COLUMNS, (_row(one) for one in found["data"]))
        output.line()
        for row in found["data"]:
            month = _month(row["projected"])
            name = f"{row['model']} at {row['provider']}"
            output.line(f"{name}, {found['monthly']:,} a month: {month}: {row['projected']['why']}")
        output.line()
    for said in [*(found["verdicts"] if found["data"] else ()), *found["advice"]]:
        output.line(said)


def _row(one: Mapping[str, Any]) -> list[str]:
    latency, cold = one["latency"], one["cold_start_percent"]
    return [
        one["model"],
        f"{one['provider']}{' (sandbox)' if one['sandbox'] else ''}",
        one["endpoint"],
        str(one["n"]),
        str(one["unknown"]),
        *(_usd(one[name]) for name in ("minimum", "median", "maximum")),
        "" if one["spread_percent"] is None else f"{one['spread_percent']:g} %",
        f"{latency['p50']:.1f} s",
        f"{latency['p95']:.1f} s",
        "" if cold is None else f"{cold:g} %",
        _month(one["projected"]),
        one["projected"]["certainty"].replace("_", " "),
    ]


def _month(projected: Mapping[str, Any]) -> str:
    low, high = projected["low"], projected["high"]
    if low is None or high is None:
        return _about(projected["monthly"])
    if low == high:
        return f"${rounded_usd(low['nano_usd'])}"
    return f"${rounded_usd(low['nano_usd'])} to ${rounded_usd(high['nano_usd'])}"


def _about(amount: Mapping[str, Any] | None) -> str:
    return "unknown" if amount is None else f"about ${rounded_usd(amount['nano_usd'])}"


def _usd(amount: Mapping[str, Any] | None) -> str:
    return "unknown" if amount is None else f"${amount['usd']}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from error
