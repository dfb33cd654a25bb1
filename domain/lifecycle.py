"""The states of jobs and attempts, and the one table of moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a job makes."""

    IMAGE = "image"
    VIDEO = "video"


class JobStatus(StrEnum):
    """Where a job stands; the last four are ends, and ``review`` may still move on."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    RUNNING = "running"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REVIEW = "review"


class AttemptStatus(StrEnum):
    """Where one try at one provider stands."""

    SUBMITTING = "submitting"
    RUNNING = "running"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


_J = JobStatus
_A = AttemptStatus

JOB_MOVES: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    # A queued job is canceled at once, refused by its last offer, or past its deadline.
    _J.QUEUED: frozenset({_J.SUBMITTING, _J.FAILED, _J.CANCELED}),
    # Not accepted: back in the queue for the next try. No answer: review.
    _J.SUBMITTING: frozenset({_J.RUNNING, _J.QUEUED, _J.FAILED, _J.CANCELED, _J.REVIEW}),
    _J.RUNNING: frozenset({_J.STORING, _J.QUEUED, _J.FAILED, _J.CANCELED, _J.REVIEW}),
    # A generation is never repeated for the sake of a download: storing does not go back.
    _J.STORING: frozenset({_J.SUCCEEDED, _J.FAILED}),
    # A person, a late webhook or a late verdict settles a reviewed job.
    _J.REVIEW: frozenset({_J.RUNNING, _J.STORING, _J.QUEUED, _J.FAILED, _J.CANCELED}),
    _J.SUCCEEDED: frozenset(),
    # Asked for again by the customer; what is made and paid for is only fetched again.
    _J.FAILED: frozenset({_J.QUEUED, _J.STORING}),
    _J.CANCELED: frozenset({_J.QUEUED}),
}

ATTEMPT_MOVES: Final[Mapping[AttemptStatus, frozenset[AttemptStatus]]] = {
    _A.SUBMITTING: frozenset({_A.RUNNING, _A.FAILED, _A.UNKNOWN}),
    _A.RUNNING: frozenset({_A.STORING, _A.FAILED, _A.CANCELED, _A.UNKNOWN}),
    _A.STORING: frozenset({_A.SUCCEEDED, _A.FAILED}),
    _A.UNKNOWN: frozenset({_A.RUNNING, _A.STORING, _A.FAILED, _A.CANCELED}),
    _A.SUCCEEDED: frozenset(),
    # Fetched again; or it turns out to have been taken after all, which was held for impossible.
    _A.FAILED: frozenset({_A.STORING, _A.UNKNOWN}),
    _A.CANCELED: frozenset(),
}

ENDED: Final = frozenset({_J.SUCCEEDED, _J.FAILED, _J.CANCELED, _J.REVIEW})
SETTLED: Final = frozenset({_J.SUCCEEDED, _J.FAILED, _J.CANCELED})


class MoveRefused(Exception):  # noqa: N818 - it says what happened; nothing has gone wrong
    """The move is not in the table, or the row was no longer where the caller saw it."""


def job_may_move(old: JobStatus, new: JobStatus) -> bool:
    """Whether a job in ``old`` may go to ``new``."""
    return new in JOB_MOVES[old]


def attempt_may_move(old: AttemptStatus, new: AttemptStatus) -> bool:
    """Whether an attempt in ``old`` may go to ``new``."""
    return new in ATTEMPT_MOVES[old]
