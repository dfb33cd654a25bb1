"""Comparing what Darkroom says that the demo cost with the sandbox's invoice, to the nano-dollar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.demo.findings import Finding
from domain.money import format_usd


@dataclass(frozen=True, slots=True)
class Bill:
    """Both sums in nano-dollars, and whether every single amount agrees."""

    ours: int
    theirs: int
    finding: Finding


def compare(jobs: Sequence[Mapping[str, Any]], invoice: Mapping[str, Mapping[str, Any]]) -> Bill:
    """Hold every attempt of ``jobs`` against the invoice's line for its request (lines by request id)."""
    attempts = [(job, attempt) for job in jobs for attempt in job["attempts"]]
    lines = [invoice.get(attempt["provider_request_id"]) for _, attempt in attempts]
    ours = sum(_nano(job["cost"]) or 0 for job in jobs)
    theirs = sum(line["nano_usd"] for line in lines if line is not None)
    single = (_deviation(job, attempt, line) for (job, attempt), line in zip(attempts, lines, strict=True))
    promise = "every cost equals the invoice of the sandbox, to the nano-dollar"
    return Bill(ours, theirs, Finding.of(promise, [*single, *_unknown(jobs), _sums(ours, theirs)]))


def _deviation(
    job: Mapping[str, Any], attempt: Mapping[str, Any], line: Mapping[str, Any] | None
) -> str | None:
    scene = job["tags"]["scene"]
    if line is None:
        return f"{scene}: attempt {attempt['number']} is not on the invoice"
    ours = _nano(attempt["cost"])
    if line["final"] and ours == line["nano_usd"]:
        return None
    open_still = "" if line["final"] else " so far"
    said = "nothing" if ours is None else f"${format_usd(ours)}"
    return f"{scene}: Darkroom says {said}, the invoice ${format_usd(line['nano_usd'])}{open_still}"


def _unknown(jobs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (f"{job['tags']['scene']}: its cost is not known" for job in jobs if job["cost"] is None)


def _sums(ours: int, theirs: int) -> str | None:
    return None if ours == theirs else f"the sums differ: ${format_usd(ours)} and ${format_usd(theirs)}"


def _nano(cost: Mapping[str, Any] | None) -> int | None:
    return None if cost is None else cost["nano_usd"]
