"""Batches, their counts and their prices in words, for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from cli.rendering import money

BATCH_COLUMNS: Final = ("batch", "state", "name", "rows", "succeeded", "failed", "spent", "created")
_STYLES: Final = {"completed": "green", "failed": "red", "paused": "yellow", "canceled": "dim"}
_OVER: Final = ("succeeded", "failed", "canceled", "review")
_MINUTE: Final = 60
_HOUR: Final = 3600


def batch_rows(batches: Iterable[Mapping[str, Any]]) -> Iterable[Sequence[str | Text]]:
    """One row per batch."""
    for batch in batches:
        counts = batch["counts"]
        yield (
            batch["id"],
            state(batch),
            batch["name"] or "",
            f"{batch['rows']:,}",
            f"{counts['succeeded']:,}",
            f"{counts['failed']:,}",
            money(batch["spent"]),
            batch["created_at"],
        )


def facts(batch: Mapping[str, Any]) -> Iterable[Sequence[str | Text]]:
    """Everything about one batch, a fact per row."""
    yield "batch", f"{batch['id']}{' (sandbox)' if batch['sandbox'] else ''}"
    yield "state", state(batch)
    if batch["name"]:
        yield "name", batch["name"]
    yield "rows", _rows(batch)
    yield "now", ", ".join(f"{many:,} {name}" for name, many in batch["counts"].items() if many) or "none"
    yield "quoted", price_range(batch["quoted"])
    yield "spent", money(batch["spent"])
    yield "held", money(batch["held"])
    yield "budget", money(batch["budget"]) if batch["budget"] else "none"
    if batch["rate_per_minute"] is not None:
        yield "rate", f"{batch['rate_per_minute']:g} rows a minute"
    if batch["seconds_left"]:
        yield "time left", f"about {duration(batch['seconds_left'])}"
    if batch["callback_url"]:
        yield "callback", batch["callback_url"]
    yield "created", batch["created_at"]
    if batch["ended_at"]:
        yield "ended", batch["ended_at"]
    for name, value in batch["tags"].items():
        yield f"tag {name}", value


def state(batch: Mapping[str, Any]) -> Text:
    """Where a batch stands, and why, in the colour of its news."""
    why = f" ({batch['reason']})" if batch["reason"] else ""
    return Text(f"{batch['state']}{why}", _STYLES.get(batch["state"], "cyan"))


def over(batch: Mapping[str, Any]) -> int:
    """How many rows nothing more happens to by itself: run to their end, in review, or never to be run."""
    counts: Mapping[str, int] = batch["counts"]
    bad: int = batch["bad_rows"]
    return bad + sum(counts[name] for name in _OVER)


def price_range(found: Mapping[str, Any]) -> str:
    """What rows may cost; rows without a known price are named, and never taken for free."""
    low, high, unpriced = found["low"], found["high"], found["unpriced_rows"]
    if low is None:
        return "unknown"
    if high is None:
        return f"{money(low)} and what {rows(unpriced)} of unknown price cost"
    return money(low) if low == high else f"{money(low)} to {money(high)}"


def rows(many: int) -> str:
    """So many rows."""
    return counted(many, "row")


def counted(many: int, what: str) -> str:
    """So many of what is counted; its plural ends in s."""
    return f"{many:,} {what if many == 1 else f'{what}s'}"


def duration(seconds: float) -> str:
    """A length of time as short as it still says enough."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def _rows(batch: Mapping[str, Any]) -> str:
    total, read = batch["rows"], batch["read_rows"]
    so_far = "" if batch["read_at"] else f" ({read:,} read)"
    bad = f", {batch['bad_rows']:,} of them bad and not run" if batch["bad_rows"] else ""
    return f"{total:,}{so_far}{bad}"
