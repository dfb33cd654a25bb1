"""``darkroom budgets``: what may be spent in which period, and how that stands."""

from typing import Annotated, Any, Literal

import typer

from cli import options
from cli.assignments import read_tags, uuid_of
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output
from cli.rendering import money

app = typer.Typer(help="Limit what may be spent, and see what is left.", no_args_is_help=True)


@app.command("list")
def list_budgets(*, as_json: options.Json = False) -> None:
    """List the project's budgets, and those of its open batches, as they stand."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        found = client.get("/v1/budgets")
    _show(output, found, found["data"])


@app.command("set")
def set_budget(
    limit: Annotated[str, typer.Argument(metavar="USD", help="What may be spent, like 250.00.")],
    *,
    period: Annotated[Literal["day", "month", "total"], typer.Option(help="For how long, by UTC.")],
    tag: Annotated[
        str | None, typer.Option(metavar="NAME=VALUE", help="Only for the jobs with this tag.")
    ] = None,
    batch: Annotated[str | None, typer.Option(metavar="BATCH", help="A batch's own, in total.")] = None,
    warn_at: Annotated[
        str | None, typer.Option(metavar="PART", help="From which part of it on to warn, like 0.8.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make a budget, or change the one for the same jobs and period. It holds at once."""
    body = _scope(tag, batch) | {"period": period, "limit_usd": limit, "warn_at": warn_at}
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        made = client.put("/v1/budgets", body)
    _show(output, made, [made])


@app.command()
def remove(
    budget: Annotated[str, typer.Argument(metavar="ID", help="Its id; of a batch's own, the batch's.")],
    *,
    as_json: options.Json = False,
) -> None:
    """Have a budget refuse nothing any more."""
    budget_id = uuid_of(budget, "budget")
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        client.delete(f"/v1/budgets/{budget_id}")
    if as_json:
        output.json({"id": budget_id, "removed": True})
    else:
        output.line(f"removed {budget_id}")


def _scope(tag: str | None, batch: str | None) -> dict[str, Any]:
    if tag is not None and batch is not None:
        raise Misused("--tag and --batch do not go together: a batch's budget is its own")
    if tag is not None:
        [(name, value)] = read_tags([tag]).items()
        return {"scope": "tag", "tag": {"name": name, "value": value}}
    if batch is not None:
        return {"scope": "batch", "batch_id": uuid_of(batch, "batch", "batch")}
    return {"scope": "project"}


def _show(output: Output, whole: Any, shown: list[dict[str, Any]]) -> None:  # noqa: ANN401 - JSON
    if output.as_json:
        output.json(whole)
        return
    columns = ("id", "of", "period", "limit", "held", "spent", "left", "renews", "warns at")
    output.table(columns, (_row(one) for one in shown))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    amounts = (money(one[name]) for name in ("limit", "held", "spent", "left"))
    of = one["scope"] if one["tag"] is None else f"{one['tag']['name']}={one['tag']['value']}"
    return (one["id"], of, one["period"], *amounts, one["renews_at"] or "never", one["warn_at"] or "")
