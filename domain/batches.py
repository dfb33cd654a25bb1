"""Batches: their states, and what their counts say."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from domain.lifecycle import JobStatus


class BatchState(StrEnum):
    """Where a batch stands.

    ``reading`` while rows of its file are still to be read (those that are read run already, unless it is
    strict), ``running`` afterwards. ``paused``: nothing more is let out, what was sent goes on. ``canceling``
    until nothing of it runs any more. ``completed``, ``canceled`` and ``failed`` are ends; a retry of its
    failed rows sets a completed or canceled one running again.
    """

    READING = "reading"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELING = "canceling"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"


# Rows are let out in these states only.
LETS_OUT: Final = frozenset({BatchState.READING, BatchState.RUNNING})
ENDED: Final = frozenset({BatchState.COMPLETED, BatchState.CANCELED, BatchState.FAILED})

# Why a batch is paused.
ON_REQUEST: Final = "on request"
BUDGET_SPENT: Final = "budget"

_HELD: Final = "held"
_SPENT: Final = "spent"
# For a batch these jobs are over: nothing more happens to them by itself.
_OVER: Final = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.REVIEW)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs of a batch are in each state, and the nano-dollars that it holds and has spent."""

    jobs: Mapping[JobStatus, int]
    held_nano: int = 0
    spent_nano: int = 0

    @classmethod
    def of(cls, sums: Mapping[str, int]) -> Self:
        """From the sums of a batch's tallies."""
        jobs = {status: sums.get(status.value, 0) for status in JobStatus}
        return cls(jobs, sums.get(_HELD, 0), sums.get(_SPENT, 0))

    @property
    def total(self) -> int:
        """Every job that was made of a row."""
        return sum(self.jobs.values())

    @property
    def over(self) -> int:
        """Jobs that have ended or wait in review."""
        return sum(self.jobs[status] for status in _OVER)

    @property
    def committed_nano(self) -> int:
        """What counts against a budget: what is spent, and what may yet be."""
        return self.held_nano + self.spent_nano
