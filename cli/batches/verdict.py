"""What a batch came to, as a sentence that says what to do next."""

from collections.abc import Mapping
from typing import Any, Final

from cli.batches.rendering import rows
from domain.batches import ENDED, BatchState

_UNDERWAY: Final = ("queued", "submitting", "running", "storing")


def at_rest(batch: Mapping[str, Any]) -> bool:
    """Whether nothing more happens by itself: the batch has ended, or is paused with nothing on the way."""
    paused = batch["state"] == BatchState.PAUSED
    return batch["state"] in ENDED or (paused and not any(batch["counts"][name] for name in _UNDERWAY))


def shortfall(batch: Mapping[str, Any]) -> str | None:
    """What a batch at rest lacks, and what can be done; None where every row of its sheet has succeeded."""
    missing = [words for words in _missing(batch) if words]
    if batch["state"] == BatchState.COMPLETED and not missing:
        return None
    reason = f" ({batch['reason']})" if batch["reason"] else ""
    came_to = f"{batch['counts']['succeeded']:,} of {rows(batch['rows'])} succeeded"
    said = "; ".join([f"batch {batch['id']} is {batch['state']}{reason}: {came_to}", *missing])
    return f"{said}. {_advice(batch)}"


def _missing(batch: Mapping[str, Any]) -> tuple[str, ...]:
    counts = batch["counts"]
    told = (
        (counts["failed"], "failed"),
        (counts["canceled"], "canceled"),
        (counts["review"], "in review: a person is needed"),
        (batch["bad_rows"], "bad and not run"),
    )
    return tuple(f"{many:,} {words}" if many else "" for many, words in told)


def _advice(batch: Mapping[str, Any]) -> str:
    name = batch["id"]
    if batch["state"] == BatchState.PAUSED:
        budget = " --budget USD" if batch["reason"] == "budget" else ""
        return f"`darkroom batch resume {name}{budget}` goes on"
    again = f", `darkroom batch retry {name}` runs the failed ones again" if batch["counts"]["failed"] else ""
    return f"`darkroom batch errors {name}` says why{again}"
