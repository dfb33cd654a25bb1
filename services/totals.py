"""What a job cost in all, from the costs of its attempts."""

from collections.abc import Sequence
from typing import Any

from storage.records import AttemptRecord


def known(attempts: Sequence[AttemptRecord]) -> bool:
    """Whether every attempt's cost is known: before that no reserve is freed, since unknown is not free."""
    return all(attempt.cost_nano is not None for attempt in attempts)


def total(attempts: Sequence[AttemptRecord]) -> dict[str, Any]:
    """The cost columns of a job: the sum of its attempts; null as soon as one of them is not known."""
    costs = [attempt.cost_nano for attempt in attempts if attempt.cost_nano is not None]
    if len(costs) < len(attempts):
        return {"cost_nano": None, "cost_basis": None, "cost_final": False}
    billed = [attempt for attempt in attempts if attempt.cost_nano]
    basis = (billed or list(attempts))[-1].cost_basis if attempts else None
    return {
        "cost_nano": sum(costs),
        "cost_basis": basis,
        "cost_final": all(attempt.cost_final for attempt in attempts),
    }
