"""``darkroom differences``: what was not billed as it was booked, and what nobody knows the cost of."""

from typing import Annotated, Any, Final

import typer

from cli import options
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.output import Output
from cli.rendering import money

_PAGE: Final = 200
_COLUMNS: Final = (
    "job",
    "attempt",
    "provider",
    "endpoint",
    "booked",
    "invoiced",
    "difference",
    "why",
    "since",
)


def differences(
    *,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Noticed from then on, like 2026-01-31.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="It is included.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = _PAGE,
    as_json: options.Json = False,
) -> None:
    """List attempts that were not billed as they were booked, and those without a known cost."""
    days: dict[str, str | int] = {
        name: value for name, value in (("from", first), ("to", last)) if value is not None
    }
    output = Output(as_json=as_json)
    found: list[dict[str, Any]] = []
    with Client(connection(read_settings())) as client:
        cursor: str | None = ""
        while cursor is not None and len(found) < limit:
            asked = days | {"limit": min(limit - len(found), _PAGE)}
            page = client.get("/v1/costs/differences", asked | ({"cursor": cursor} if cursor else {}))
            found += page["data"]
            cursor = page["next_cursor"]
    if as_json:
        output.json({"object": "list", "data": found, "next_cursor": cursor})
        return
    output.table(_COLUMNS, (_row(one) for one in found))
    if cursor is not None:
        output.note(f"there are more: add --limit {limit * 2}")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    both = "" if one["difference"] is None else _signed(one["difference"])
    invoiced = "none" if one["invoiced"] is None else money(one["invoiced"])
    why = one["why"].replace("_", " ")
    place = (one["job_id"], str(one["attempt"]), one["provider"], one["endpoint"])
    return (*place, money(one["booked"]), invoiced, both, why, one["since"])


def _signed(amount: dict[str, Any]) -> str:
    usd = str(amount["usd"])
    return f"-${usd[1:]}" if usd.startswith("-") else f"+${usd}"
