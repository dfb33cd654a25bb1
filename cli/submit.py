"""``darkroom submit``: one job, taken exactly once however often the network fails."""

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import options
from cli.client import Answer, Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.downloads import download_all
from cli.errors import Failed, NoAnswer
from cli.options import Asked
from cli.output import Output
from cli.refusals import Refused
from cli.rendering import error, facts
from cli.waiting import wait_for_end
from domain.lifecycle import ENDED, JobStatus

_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.5
_IN_PROGRESS: Final = "idempotency_in_progress"

Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended; exit code 1 if it failed.")]
Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="The same key never makes a second job."),
]


def submit(  # noqa: PLR0913 - a command's parameters are its options
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
    callback: options.Callback = None,
    tags: options.Tags = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    out: options.Folder = None,
    as_json: options.Json = False,
) -> None:
    """Submit one job, and with --wait or --out stay until it has ended."""
    routing = options.routing_of(
        provider=provider, policy=policy, max_cost=max_cost, split=split, zero_retention=zero_retention
    )
    asked = Asked(model, prompt, inputs, kind, routing, callback, tags)
    output = Output(as_json=as_json)
    with Client(connection(read_settings())) as client:
        job = send_once(client, asked.body(), idempotency_key or str(uuid.uuid4())).body
        finish(client, job, output, wait=wait, out=out)


def send_once(client: Client, body: Mapping[str, Any], key: str) -> Answer:
    """Post a job; a lost answer is asked for again under the same key, which never makes a second job.

    Raises:
        NoAnswer: every answer was lost; the message names the key that asks again safely.
    """
    headers = {"Idempotency-Key": key}
    for _ in range(_TRIES - 1):
        try:
            return client.post("/v1/jobs", body, headers=headers)
        except NoAnswer:
            time.sleep(_PAUSE_SECONDS)
        except Refused as refused:
            if refused.code != _IN_PROGRESS:
                raise
            time.sleep(_PAUSE_SECONDS)
    try:
        return client.post("/v1/jobs", body, headers=headers)
    except NoAnswer as lost:
        again = f"the job may have been taken: the same command with --idempotency-key {key}"
        raise NoAnswer(f"{lost}; {again} finds it, and makes no second one") from lost


def finish(client: Client, job: dict[str, Any], output: Output, *, wait: bool, out: Path | None) -> None:
    """Wait and download as asked, print the job, and fail if it did not succeed.

    Raises:
        Failed: the job was waited for and ended otherwise.
    """
    if wait or out is not None:
        job = wait_for_end(client, job, output)
    succeeded = job["status"] == JobStatus.SUCCEEDED
    files = [] if out is None or not succeeded else download_all(client, job, out, output)
    if output.as_json:
        output.json(job if out is None else {**job, "files": [str(path) for path in files]})
    else:
        output.facts(facts(job))
        for path in files:
            output.line(f"saved {path}")
    if job["status"] in ENDED and not succeeded and (wait or out is not None):
        raise Failed(f"job {job['id']} did not succeed: {error(job)}")
