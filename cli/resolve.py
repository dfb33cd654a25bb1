"""``darkroom jobs resolve``: shows what can be decided about a lost request, at what cost, and asks."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from cli import options
from cli.assignments import uuid_of
from cli.client import Client
from cli.configuration import read_settings
from cli.connection import connection
from cli.errors import Misused
from cli.output import Output
from cli.rendering import facts, money

_ACTIONS: Final = ("adopt", "resubmit", "fail")
_NOTHING: Final = "nothing"

Adopt = Annotated[
    str | None, typer.Option(metavar="ID", help="Take up the request that the provider has by this id.")
]
Cost = Annotated[
    str | None,
    typer.Option("--cost", metavar="USD", help="What the first request cost, where you know it: 0 if none."),
]


def resolve(
    job: options.JobId,
    *,
    adopt: Adopt = None,
    resubmit: Annotated[bool, typer.Option("--resubmit", help="Send the job again.")] = False,
    fail: Annotated[bool, typer.Option("--fail", help="End the job as failed.")] = False,
    cost: Cost = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: options.Json = False,
) -> None:
    """Decide about a job in review, whose outcome is unknown; says first what each choice may cost."""
    decision = _given(adopt, cost, resubmit=resubmit, fail=fail)
    output = Output(as_json=as_json)
    path = f"/v1/jobs/{uuid_of(job, 'job')}/resolve"
    with Client(connection(read_settings())) as client:
        if not (decision and yes):
            found = client.get(path)
            if as_json:
                _refuse_unsaid(decision)
                output.json(found)
                return
            _show(output, found)
            decision = _asked(output, found, decision)
        if decision is None:
            return
        resolved = client.post(path, decision).body
    if as_json:
        output.json(resolved)
    else:
        output.facts(facts(resolved))


def _given(adopt: str | None, cost: str | None, *, resubmit: bool, fail: bool) -> dict[str, str] | None:
    """The decision that the options name; None where they name none."""
    named = [name for name, on in zip(_ACTIONS, (adopt is not None, resubmit, fail), strict=True) if on]
    if len(named) > 1:
        raise Misused(f"--{' and --'.join(named)} exclude one another: give one of them")
    if not named:
        if cost is not None:
            raise Misused("--cost goes with --resubmit or --fail")
        return None
    body = {"action": named[0], "provider_request_id": adopt, "cost_usd": cost}
    return {name: value for name, value in body.items() if value is not None}


def _show(output: Output, found: Mapping[str, Any]) -> None:
    attempt = found["attempt"]
    output.facts(
        [
            ("job", found["job_id"]),
            ("status", found["status"]),
            ("reason", found["reason"] or ""),
            ("attempt", f"{attempt['number']} at {attempt['provider']} {attempt['endpoint']}"),
            ("request", attempt["provider_request_id"] or "(not known)"),
            ("sent", attempt["submitted_at"]),
            ("held", money(found["held"])),
        ]
    )
    for choice in found["choices"]:
        if choice["available"]:
            output.line(f"{choice['action']}: {choice['words']}")


def _asked(
    output: Output, found: Mapping[str, Any], decision: dict[str, str] | None
) -> dict[str, str] | None:
    """The decision of the person at the terminal; None where there is none, or nothing was decided."""
    if not sys.stdin.isatty():
        _refuse_unsaid(decision)
        output.note("to decide: --adopt ID, --resubmit or --fail, with --yes")
        return None
    if decision is None:
        return _chosen([choice["action"] for choice in found["choices"] if choice["available"]])
    return decision if typer.confirm(f"{decision['action']} this job?", err=True) else None


def _chosen(actions: list[str]) -> dict[str, str] | None:
    action = typer.prompt(f"{', '.join(actions)} or {_NOTHING}?", default=_NOTHING, err=True)
    if action not in actions:
        return None
    if action == "adopt":
        return {"action": action, "provider_request_id": typer.prompt("the provider's id", err=True)}
    cost = typer.prompt("what the first request cost, in USD, if you know", default="", err=True)
    return {"action": action} | ({"cost_usd": cost} if cost else {})


def _refuse_unsaid(decision: Mapping[str, str] | None) -> None:
    if decision is not None:
        raise Misused("nobody is there to be asked: add --yes to decide this without")
