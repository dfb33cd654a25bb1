"""Batches as the API and their callbacks show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.batches import ENDED, LETS_OUT, BatchState, Counts
from domain.lifecycle import JobStatus
from services.batches.estimate import Estimate, Range
from services.reading import Slice, cursor, position
from services.refusals import NotFound
from services.runtime import Runtime
from services.views import budget_identity, money, timestamp
from storage import budgets
from storage.batches import queries, tallies
from storage.database import Session
from storage.listing import Page
from storage.records import BatchRecord

_MINUTE: Final = 60.0


def batch(runtime: Runtime, project_id: UUID, batch_id: UUID) -> dict[str, Any]:
    """A batch as it stands; raises NotFound."""
    with runtime.database.work() as session:
        found = queries.batch_of_project(session, project_id, batch_id)
        if found is None:
            raise no_batch(batch_id)
        return batch_view(runtime, session, found)


def batch_list(runtime: Runtime, project_id: UUID, state: str | None, part: Slice) -> dict[str, Any]:
    """A page of a project's batches, the newest first; raises Unprocessable for a cursor that is not ours."""
    # One row more than is shown says whether there is more.
    page = Page(part.limit + 1, None if part.cursor is None else position(part.cursor))
    with runtime.database.work() as session:
        found = queries.batches_page(session, project_id, state, page)
        shown = views_of(session, found[: part.limit], runtime.clock())
    more = len(found) > part.limit
    return {
        "object": "list",
        "data": shown,
        "next_cursor": cursor(found[part.limit - 1].id) if more else None,
    }


def batch_view(runtime: Runtime, session: Session, batch: BatchRecord) -> dict[str, Any]:
    """A batch with its counts as they are now."""
    return views_of(session, [batch], runtime.clock())[0]


def no_batch(batch_id: UUID) -> NotFound:
    """What is said of an id that the project has no batch for."""
    return NotFound(f"there is no batch {batch_id} in this project")


def range_view(found: Range) -> dict[str, Any]:
    """What rows may cost, and of how many of them that is not known."""
    low, high = money(found.low_nano), money(found.high_nano)
    return {"low": low, "high": high, "unpriced_rows": found.unpriced}


def views_of(session: Session, batches: Sequence[BatchRecord], now: datetime) -> list[dict[str, Any]]:
    """The batches with their counts as they are now: three or four questions, however many batches."""
    ids = [one.id for one in batches]
    counts, let_out = tallies.counts(session, ids), queries.on_agenda(session, ids)
    waiting_for = _waiting_for(session, batches, now)
    shown = [_view(one, counts[one.id], let_out.get(one.id, 0), now) for one in batches]
    for one, view in zip(batches, shown, strict=True):
        waits = one.state in LETS_OUT and view["counts"]["waiting"]
        view["waiting_for"] = waiting_for.get(one.waiting_budget) if waits else None
    return shown


def _waiting_for(
    session: Session, batches: Sequence[BatchRecord], now: datetime
) -> dict[UUID | None, dict[str, Any]]:
    """What is said of the budgets that open batches wait for."""
    waiting = [one for one in batches if one.waiting_budget is not None and one.state in LETS_OUT]
    if not waiting:
        return {}
    wanted = {one.waiting_budget for one in waiting}
    return {
        one.budget.id: {"budget": budget_identity(one), "renews_at": timestamp(one.renews_at)}
        for one in budgets.standings(session, {one.project_id for one in waiting}, now)
        if one.budget.id in wanted
    }


def _view(batch: BatchRecord, counts: Counts, let_out: int, now: datetime) -> dict[str, Any]:
    rate = _per_minute(batch, counts, now)
    return {
        "id": str(batch.id),
        "object": "batch",
        "name": batch.name,
        "state": batch.state,
        "reason": batch.reason,
        "rows": batch.rows,
        "read_rows": batch.read_rows,
        "good_rows": counts.total,
        "bad_rows": batch.bad_rows,
        "counts": _counts(counts, let_out),
        "quoted": range_view(Estimate(batch.quotes).total),
        "budget": money(batch.budget_nano),
        "spent": money(counts.spent_nano),
        "held": money(counts.held_nano),
        "rate_per_minute": None if rate is None else round(rate, 1),
        "seconds_left": _seconds_left(batch, counts, rate),
        "callback_url": batch.callback_url,
        "tags": batch.defaults.get("tags", {}),
        "strict": batch.strict,
        "priority": batch.priority,
        "created_at": timestamp(batch.created_at),
        "read_at": timestamp(batch.read_at),
        "ended_at": timestamp(batch.ended_at),
        "sandbox": batch.sandbox,
        "links": _links(batch.id),
    }


def _counts(counts: Counts, let_out: int) -> dict[str, int]:
    """The rows in each state; of those that are queued, the ones apart that were not let out yet."""
    jobs = {status.value: many for status, many in counts.jobs.items()}
    queued = jobs[JobStatus.QUEUED]
    # Rows move between the two questions.
    out = min(let_out, queued)
    return {"waiting": queued - out} | jobs | {"queued": out}


def _per_minute(batch: BatchRecord, counts: Counts, now: datetime) -> float | None:
    """How many rows came to an end in a minute, on the whole way from the first one that was let out."""
    if batch.first_sent_at is None:
        return None
    seconds = ((batch.ended_at or now) - batch.first_sent_at).total_seconds()
    done = counts.over - counts.jobs[JobStatus.CANCELED]
    return done * _MINUTE / seconds if done and seconds > 0 else None


def _seconds_left(batch: BatchRecord, counts: Counts, rate: float | None) -> int | None:
    if batch.state in ENDED:
        return 0
    if BatchState(batch.state) not in LETS_OUT or rate is None:
        return None
    return round((batch.rows - batch.bad_rows - counts.over) * _MINUTE / rate)


def _links(batch_id: UUID) -> dict[str, str]:
    here = f"/v1/batches/{batch_id}"
    return {
        "self": here,
        "jobs": f"/v1/jobs?batch_id={batch_id}",
        "results_csv": f"{here}/results.csv",
        "results_jsonl": f"{here}/results.jsonl",
        "errors_csv": f"{here}/errors.csv",
        "errors_jsonl": f"{here}/errors.jsonl",
        "assets_jsonl": f"{here}/assets.jsonl",
        "assets_zip": f"{here}/assets.zip",
    }
