"""``darkroom jobs``: list, show, cancel, retry, resolve and erase jobs, and read their timelines."""

from typing import Annotated, Any, Final, Literal

import typer

from cli import options
from cli.assignments import uuid_of
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.erasing import delete_job
from cli.errors import Misused
from cli.output import Output
from cli.rendering import JOB_COLUMNS, facts, job_rows
from cli.resolve import resolve
from cli.submit import Wait, finish
from domain.lifecycle import ENDED

app = typer.Typer(help="List, show, cancel, retry, resolve and erase jobs.", no_args_is_help=True)
app.command()(resolve)
app.command("delete")(delete_job)

_LOOK_SECONDS: Final = 1

Status = Annotated[
    Literal["queued", "submitting", "running", "storing", "succeeded", "failed", "canceled", "review"] | None,
    typer.Option(help="Only jobs that stand there."),
]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@app.command("list")
def list_jobs(  # noqa: PLR0913 - a command's parameters are its options
    *,
    status: Status = None,
    kind: Annotated[Literal["image", "video"] | None, typer.Option(help="Only this kind.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model, as the job named it.")] = None,
    provider: Annotated[Literal["linkmodel", "fal"] | None, typer.Option(help="Only this provider.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="NAME=VALUE", help="Only with this tag.")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    as_json: options.Json = False,
) -> None:
    """List jobs, the newest first."""
    asked = {
        "status": status,
        "kind": kind,
        "model": model,
        "provider": provider,
        "tag": None if tag is None else _tag(tag),
        "limit": limit,
        "cursor": cursor,
    }
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        page = client.get("/v1/jobs", {name: value for name, value in asked.items() if value is not None})
    if as_json:
        output.json(page)
        return
    output.table(JOB_COLUMNS, job_rows(page["data"]))
    if page["next_cursor"]:
        output.note(f"more: --cursor {page['next_cursor']}")


@app.command()
def show(
    job: options.JobId, *, wait: Wait = False, out: options.Folder = None, as_json: options.Json = False
) -> None:
    """Show one job; --wait stays until it has ended, --out downloads its files."""
    with Client(connection(read_settings())) as client:
        finish(client, client.get(_path(job)), Output(as_json=as_json), wait=wait, out=out)


@app.command()
def cancel(job: options.JobId, *, as_json: options.Json = False) -> None:
    """Cancel a job, and say what that could still stop."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        canceled = client.post(f"{_path(job)}/cancel").body
    if as_json:
        output.json(canceled)
        return
    done = canceled["cancellation"]
    output.line(f"{done['effect'].replace('_', ' ')}: {done['message']}")
    output.facts(facts(canceled))


@app.command()
def retry(
    job: options.JobId, *, wait: Wait = False, out: options.Folder = None, as_json: options.Json = False
) -> None:
    """Run a failed or canceled job again; what is made and paid for is only fetched again."""
    with Client(connection(read_settings())) as client:
        again = client.post(f"{_path(job)}/retry").body
        finish(client, again, Output(as_json=as_json), wait=wait, out=out)


@app.command()
def events(
    job: options.JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the job has ended.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what has happened to a job, step by step; with --follow and --json a line of JSON a step."""
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        if follow:
            _follow(client, job, output)
            return
        steps = client.get(f"{_path(job)}/events")
    if as_json:
        output.json(steps)
        return
    output.table(("at", "step", "attempt", "more"), map(_step, steps["data"]))


def _follow(client: Client, job: str, output: Output) -> None:
    """Print the steps as they come; ends when the job has."""
    shown = 0
    ended = False
    while not ended:
        # Asked before the steps are: what a job did before its end is then never missed.
        ended = client.get(_path(job), {"wait": _LOOK_SECONDS if shown else 0})["status"] in ENDED
        steps = client.get(f"{_path(job)}/events")["data"]
        for step in steps[shown:]:
            if output.as_json:
                output.json_line(step)
            else:
                output.line("  ".join(part for part in _step(step) if part))
        shown = len(steps)


def _step(step: dict[str, Any]) -> tuple[str, str, str, str]:
    told = ", ".join(f"{name}: {_words(value)}" for name, value in (step["data"] or {}).items())
    return step["at"], step["type"].replace("_", " "), str(step["attempt"] or ""), told


def _words(value: object) -> str:
    return str(value.get("code", value)) if isinstance(value, dict) else str(value)


def _path(job: str) -> str:
    return f"/v1/jobs/{uuid_of(job, 'job')}"


def _tag(given: str) -> str:
    name, equals, value = given.partition("=")
    if not equals:
        raise Misused(f"--tag {given!r} is not name=value: write it like --tag client=acme")
    return f"{name}:{value}"
