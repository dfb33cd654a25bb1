"""The provider's verdict on a generation: the cost is booked, and the job goes on to its files or its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.costs import Cost, from_units, with_spin_up
from domain.failures import MARKER_REFUSED
from domain.generation import Priority
from domain.lifecycle import AttemptStatus, JobStatus
from domain.retry import after_verdict
from domain.timeline import Phase, PhaseClock, finish
from providers.base import Ended, Finished, UnitPrice
from services import ending
from services.outputs import outputs_of
from services.runtime import Runtime
from storage import jobs, ledger
from storage.database import Session
from storage.records import AttemptRecord, JobRecord
from storage.steps import submitting
from storage.steps.finishing import Done
from storage.steps.looking import OpenRow

_MILLISECONDS: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Seen:
    """When a verdict was seen, and how long before that the last look may have been, in seconds.

    ``price`` is the price of one billed unit where it could be had only now.
    """

    at: datetime
    interval: float | None
    price: UnitPrice | None = None


def result_of(row: OpenRow, verdict: Finished, seen: Seen) -> Done:
    """All that is written of a result: it is made and paid for, and its files are to be fetched."""
    phases = _phases(row, seen, verdict.inference_seconds)
    unit, unit_price = (seen.price.unit, seen.price.usd) if seen.price else (row.unit, row.unit_price)
    waited = _cold_start(phases)
    cost, spin_up = with_spin_up(_at_late_price(verdict.cost, seen), unit_price, waited)
    return Done(
        job_id=row.job_id,
        attempt_id=row.attempt_id,
        project_id=row.project_id,
        number=row.number,
        kind=row.kind,
        provider=row.provider,
        endpoint=row.endpoint,
        priority=Priority(row.priority).place(in_batch=False),
        at=seen.at,
        outputs=outputs_of(verdict),
        filtered=verdict.filtered,
        phases=phases,
        cost_nano=cost.nano,
        cost_basis=cost.basis,
        cost_final=cost.final,
        spin_up_nano=spin_up,
        billed_units=cost.units,
        unit=unit,
        unit_price=unit_price,
        too_late=row.cancel_requested_at is not None,
    )


def ended(
    runtime: Runtime,
    session: Session,
    job: JobRecord,
    attempt: AttemptRecord,
    verdict: Ended,
    seen: Seen,
) -> None:
    """There is no result: book what it cost, and decide whether the job is tried again."""
    at = seen.at
    phases = _phases(attempt, seen, verdict.inference_seconds)
    _settle(session, job, attempt, verdict.cost, seen, phases)
    jobs.move_attempt(
        session,
        attempt,
        AttemptStatus.CANCELED if verdict.canceled else AttemptStatus.FAILED,
        error=verdict.failure.as_json(),
        detected_at=at,
        ended_at=at,
        phases=phases,
    )
    error = {"error": verdict.failure.code.value}
    jobs.note(session, job.id, "provider_end", at, attempt=attempt.number, data=error)
    jobs.note(session, job.id, "detected", at, attempt=attempt.number)
    if verdict.canceled:
        ending.end(runtime, session, job, JobStatus.CANCELED, verdict.failure)
        return
    if verdict.failure.provider_code == MARKER_REFUSED:
        submitting.refuse_marker(session, provider=attempt.provider, endpoint=attempt.endpoint)
    if verdict.failure.elsewhere:
        ending.mark_exhausted(job, job.plan_at)
    again = after_verdict(verdict.failure, verdict.cost, ending.tried(runtime, session, job))
    ending.go_on(runtime, session, job, verdict.failure, again)


def _settle(
    session: Session,
    job: JobRecord,
    attempt: AttemptRecord,
    cost: Cost,
    seen: Seen,
    phases: Mapping[str, float],
) -> None:
    if seen.price is not None:
        attempt.unit, attempt.unit_price = seen.price.unit, seen.price.usd
    waited = _cold_start(phases)
    cost, attempt.spin_up_nano = with_spin_up(_at_late_price(cost, seen), attempt.unit_price, waited)
    attempt.cost_nano = cost.nano
    attempt.cost_basis = cost.basis
    attempt.cost_final = cost.final
    attempt.billed_units = cost.units
    ledger.settle(session, job, attempt, seen.at)


def _at_late_price(cost: Cost, seen: Seen) -> Cost:
    """The billed units at the price that could be had only now, instead of what was expected."""
    return cost if seen.price is None else from_units(cost.units, seen.price.usd)


def clock_of(attempt: AttemptRecord | OpenRow) -> PhaseClock:
    """The attempt's running clock."""
    phase = Phase(attempt.phase) if attempt.phase else None
    return PhaseClock(phase, attempt.phase_since or attempt.submitted_at, attempt.phases)


def _phases(attempt: AttemptRecord | OpenRow, seen: Seen, inference: Decimal | None) -> dict[str, float]:
    return finish(clock_of(attempt), seen.at, inference=inference, interval=seen.interval)


def _cold_start(phases: Mapping[str, float]) -> Decimal:
    """How long it stood at the head of the queue for a runner, in seconds to the millisecond."""
    return Decimal(phases.get(Phase.COLD_START, 0.0)).quantize(_MILLISECONDS)
