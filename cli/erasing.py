"""``darkroom jobs delete`` and ``darkroom batch delete``: erase content, and say what could not be erased."""

import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from cli import options
from cli.assignments import uuid_of
from cli.batches.paths import BatchId, batch_path
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def delete_job(job: options.JobId, *, yes: Yes = False, as_json: options.Json = False) -> None:
    """Erase a job's prompt, input and files, at its provider too where it can; its amounts stay."""
    _delete(f"/v1/jobs/{uuid_of(job, 'job')}", "the prompt and the files of this job", yes, as_json=as_json)


def delete_batch(batch: BatchId, *, yes: Yes = False, as_json: options.Json = False) -> None:
    """Erase a batch's sheet and the prompts and files of all of its jobs; its amounts stay."""
    _delete(batch_path(batch), "the sheet of this batch and all of its jobs' content", yes, as_json=as_json)


def _delete(path: str, what: str, sure: bool, *, as_json: bool) -> None:  # noqa: FBT001 - asked here
    output = Output(as_json=as_json)
    if not sure and not sys.stdin.isatty():
        raise Misused("nobody is there to be asked: add --yes to erase this without")
    if not sure and not typer.confirm(f"erase {what} for good?", err=True):
        return
    with Client(connection(read_settings())) as client:
        answer = client.erase(path)
    if as_json:
        output.json(answer)
    else:
        output.facts(_facts(answer["erasure"]))


def _facts(erasure: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """How it stands right after it was asked for, a fact per row."""
    objects, there = erasure["objects"], erasure["provider"]
    yield "record", erasure["record"]["state"]
    yield "files", f"{objects['erased']} erased, {objects['left']} to go"
    yield "at the provider", there["state"].replace("none", "nothing was sent there")
    for request in there["requests"]:
        yield f"attempt {request['attempt']}", f"{request['state']}: {request['message'] or 'within seconds'}"
    for sentence in erasure["kept"]:
        yield "kept", sentence
