"""How records look to a customer: the JSON of jobs, attempts, assets, timelines and deliveries."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from domain.budgets import Standing
from domain.costs import Basis
from domain.lifecycle import SETTLED, JobStatus
from domain.money import format_usd, parse_usd
from domain.timeline import latency
from storage.intake import NewJob
from storage.records import (
    AssetRecord,
    AttemptRecord,
    DeliveryRecord,
    DeliveryTryRecord,
    EventRecord,
    JobEventRecord,
    JobRecord,
)


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds and ``Z``; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(nano: int | None) -> dict[str, Any] | None:
    """An amount both exact and readable; None where it is not known."""
    return None if nano is None else {"nano_usd": nano, "usd": format_usd(nano)}


def job_view(
    job: JobRecord | NewJob,
    attempts: Sequence[AttemptRecord],
    assets: Sequence[AssetRecord],
    *,
    now: datetime,
) -> dict[str, Any]:
    """A job as the API and its callbacks show it; ``attempts`` and ``assets`` are all that it has.

    ``now`` is where the clock of an open job stands.
    """
    total = ((job.ended_at or now) - job.created_at).total_seconds()
    spent = latency(max(total, 0.0), [attempt.phases for attempt in attempts])
    return {
        "id": str(job.id),
        "object": "job",
        "kind": job.kind,
        "model": job.model,
        "status": str(job.status),
        "provider": job.provider,
        "endpoint": job.endpoint,
        "input": job.input,
        "routing": job.routing,
        "why": _why(job),
        "callback_url": job.callback_url,
        "tags": job.tags,
        "priority": str(job.priority),
        "batch_id": None if job.batch_id is None else str(job.batch_id),
        "row_id": job.row_id,
        "created_at": timestamp(job.created_at),
        "ended_at": timestamp(job.ended_at),
        "cancel_requested_at": timestamp(job.cancel_requested_at),
        "erase_requested_at": timestamp(job.erase_requested_at),
        "erased_at": timestamp(job.erased_at),
        "quoted": money(job.quoted_nano),
        "cost": _within(job, _job_cost(job, attempts)),
        "latency": spent,
        "attempts": [_attempt_view(attempt) for attempt in attempts],
        "assets": [_asset_view(asset) for asset in assets],
        "error": job.error,
        "sandbox": job.sandbox,
    }


def budget_identity(standing: Standing) -> dict[str, Any]:
    """Which budget it is."""
    budget = standing.budget
    return {
        "id": str(budget.id),
        "scope": budget.scope.value,
        "tag": None if budget.tag is None else {"name": budget.tag[0], "value": budget.tag[1]},
        "period": budget.period.value,
    }


def event_view(event: JobEventRecord) -> dict[str, Any]:
    """One step of a job's timeline."""
    return {
        "id": str(event.id),
        "type": event.type,
        "at": timestamp(event.at),
        "attempt": event.attempt,
        "data": event.data,
    }


def delivery_view(
    delivery: DeliveryRecord, event: EventRecord, tries: Sequence[DeliveryTryRecord]
) -> dict[str, Any]:
    """An event on its way to one address, with every try so far."""
    return {
        "id": str(delivery.id),
        "object": "delivery",
        "event_id": str(event.id),
        "event_type": event.type,
        "job_id": None if event.job_id is None else str(event.job_id),
        "batch_id": None if event.batch_id is None else str(event.batch_id),
        "endpoint_id": None if delivery.endpoint_id is None else str(delivery.endpoint_id),
        "url": delivery.url,
        "status": delivery.status,
        "created_at": timestamp(delivery.created_at),
        "next_at": timestamp(delivery.next_at),
        "ended_at": timestamp(delivery.ended_at),
        "tries": [_try_view(one) for one in tries],
    }


def _job_cost(job: JobRecord | NewJob, attempts: Sequence[AttemptRecord]) -> dict[str, Any] | None:
    """The sum over all attempts; null as soon as one of them, open or ended, has no known cost."""
    costs = [attempt.cost_nano for attempt in attempts if attempt.cost_nano is not None]
    if len(costs) < len(attempts):
        return None
    if not attempts:
        return _cost(0, Basis.NOT_BILLED, final=True) if JobStatus(job.status) in SETTLED else None
    final = all(attempt.cost_final for attempt in attempts)
    return _cost(sum(costs), _basis(attempts), final=final, spin_up=_spin_up(attempts))


def _within(job: JobRecord | NewJob, cost: dict[str, Any] | None) -> dict[str, Any] | None:
    """The cost, flagged where it is more than the job was to cost at most."""
    ceiling = job.routing.get("max_cost_usd")
    if cost is None or ceiling is None or cost["nano_usd"] <= parse_usd(ceiling):
        return cost
    return cost | {"over_max_cost": True}


def _why(job: JobRecord | NewJob) -> str | None:
    """Why it runs where it does."""
    return job.plan[job.plan_at].get("why") if job.plan_at < len(job.plan) else None


def _spin_up(attempts: Sequence[AttemptRecord]) -> int | None:
    """The part that went into starting runners; None where nothing is billed by the GPU second."""
    parts = [attempt.spin_up_nano for attempt in attempts if attempt.spin_up_nano is not None]
    return sum(parts) if parts else None


def _basis(attempts: Sequence[AttemptRecord]) -> str | None:
    """What the sum stands on: the last attempt that was billed, else that was accepted, else the last."""
    billed = [attempt for attempt in attempts if attempt.cost_nano]
    accepted = [attempt for attempt in attempts if attempt.provider_request_id is not None]
    return _last(billed or accepted or attempts).cost_basis


def _last(attempts: Iterable[AttemptRecord]) -> AttemptRecord:
    return max(attempts, key=lambda attempt: attempt.number)


def _cost(
    nano: int | None, basis: str | None, *, final: bool, spin_up: int | None = None
) -> dict[str, Any] | None:
    amount = money(nano)
    if amount is None:
        return None
    apart = {} if spin_up is None else {"spin_up": money(spin_up)}
    return amount | {"basis": basis and str(basis), "final": final} | apart


def _attempt_view(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "endpoint": attempt.endpoint,
        "provider_request_id": attempt.provider_request_id,
        "status": str(attempt.status),
        "cost": _cost(
            attempt.cost_nano,
            attempt.cost_basis,
            final=attempt.cost_final,
            spin_up=attempt.spin_up_nano,
        ),
        "invoiced": money(attempt.invoiced_nano),
        "error": attempt.error,
        "submitted_at": timestamp(attempt.submitted_at),
        "ended_at": timestamp(attempt.ended_at),
    }


def _asset_view(asset: AssetRecord) -> dict[str, Any]:
    return {
        "url": f"/v1/jobs/{asset.job_id}/assets/{asset.n}",
        "content_type": asset.content_type,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
        "width": asset.width,
        "height": asset.height,
        "duration": None if asset.duration is None else float(asset.duration),
        "sandbox": asset.sandbox,
    }


def _try_view(one: DeliveryTryRecord) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": timestamp(one.at),
        "status_code": one.status_code,
        "duration_ms": one.milliseconds,
        "answer": one.answer,
        "error": one.error,
    }
