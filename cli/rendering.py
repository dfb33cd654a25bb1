"""Jobs and money in words, for people: the same facts that ``--json`` gives to programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

JOB_COLUMNS: Final = ("job", "status", "model", "provider", "cost", "seconds", "created")
_STYLES: Final = {"succeeded": "green", "failed": "red", "review": "yellow", "canceled": "dim"}
_PHASES: Final = {
    "queue": "queue",
    "provider_queue": "provider queue",
    "cold_start": "cold start",
    "generation": "generation",
    "detection": "detection",
    "download": "download",
    "store": "store",
}
_SHOWN_SECONDS: Final = 0.005


def job_rows(jobs: Iterable[Mapping[str, Any]]) -> Iterable[Sequence[str | Text]]:
    """One row per job."""
    for job in jobs:
        yield (
            job["id"],
            status(job["status"]),
            job["model"],
            job["provider"] or "",
            cost(job),
            f"{job['latency']['total']:.1f}",
            job["created_at"],
        )


def facts(job: Mapping[str, Any]) -> Iterable[Sequence[str | Text]]:
    """Everything about one job, a fact per row."""
    yield "job", job["id"]
    yield "status", status(job["status"])
    if job["error"]:
        yield "error", error(job)
    yield "model", f"{job['model']} ({job['kind']})"
    yield "prompt", job["input"].get("prompt", "(erased)")
    yield "runs at", f"{job['provider']} {job['endpoint']}{' (sandbox)' if job['sandbox'] else ''}"
    if job.get("why"):
        yield "why", job["why"]
    yield "quoted", money(job["quoted"])
    yield "cost", cost(job)
    yield "time", phases(job)
    yield "created", job["created_at"]
    if job["ended_at"]:
        yield "ended", job["ended_at"]
    for attempt in job["attempts"]:
        yield f"attempt {attempt['number']}", _attempt(attempt)
    for number, asset in enumerate(job["assets"]):
        yield f"file {number}", _asset(asset)
    for name, value in job["tags"].items():
        yield f"tag {name}", value


def status(name: str) -> Text:
    """A status in the colour of its news."""
    return Text(name, _STYLES.get(name, "cyan"))


def money(amount: Mapping[str, Any] | None) -> str:
    """Dollars, exact; ``unknown`` is never 0."""
    return "unknown" if amount is None else f"${amount['usd']}"


def cost(job: Mapping[str, Any]) -> str:
    """What a job cost and what that stands on."""
    paid = job["cost"]
    if paid is None:
        return "unknown" if job["ended_at"] else ""
    basis = str(paid["basis"] or "").replace("_", " ")
    above = ", above its max_cost_usd" if paid.get("over_max_cost") else ""
    return f"{money(paid)} ({basis}{'' if paid['final'] else ', not final'}{above})"


def error(job: Mapping[str, Any]) -> str:
    """Why a job failed, with the stable code."""
    told = job["error"] or {}
    return f"{told.get('code', job['status'])}: {told.get('message', 'no reason given')}"


def phases(job: Mapping[str, Any]) -> str:
    """Where the time went: the total, and every phase that took any of it, in seconds."""
    latency = job["latency"]
    spent = [
        f"{words} {latency[phase]:.2f}"
        for phase, words in _PHASES.items()
        if (latency.get(phase) or 0) >= _SHOWN_SECONDS
    ]
    return f"{latency['total']:.2f} s" + (f" = {' + '.join(spent)}" if spent else "")


def _attempt(attempt: Mapping[str, Any]) -> str:
    told = attempt["error"]
    said = f", {told['code']}: {told['message']}" if told else ""
    paid = "" if attempt["cost"] is None else f", {money(attempt['cost'])}"
    request = attempt["provider_request_id"] or "not accepted"
    return f"{attempt['status']} at {attempt['provider']} ({request}){paid}{said}"


def _asset(asset: Mapping[str, Any]) -> str:
    size = f"{asset['width']}x{asset['height']}, " if asset["width"] else ""
    length = f"{asset['duration']:g} s, " if asset["duration"] else ""
    return f"{asset['content_type']}, {size}{length}{asset['bytes']} bytes, {asset['url']}"
