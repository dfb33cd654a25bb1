"""The states of jobs and attempts: which moves there are, and that the table is whole."""

import pytest

from domain.lifecycle import (
    ATTEMPT_MOVES,
    ENDED,
    JOB_MOVES,
    SETTLED,
    AttemptStatus,
    JobStatus,
    attempt_may_move,
    job_may_move,
)


def test_every_status_has_its_row_in_the_table() -> None:
    assert set(JOB_MOVES) == set(JobStatus)
    assert set(ATTEMPT_MOVES) == set(AttemptStatus)


def test_no_status_moves_to_itself() -> None:
    assert not [status for status in JobStatus if job_may_move(status, status)]
    assert not [status for status in AttemptStatus if attempt_may_move(status, status)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("queued", "submitting"),
        ("submitting", "running"),
        ("running", "storing"),
        ("storing", "succeeded"),
        ("submitting", "queued"),
        ("submitting", "review"),
        ("review", "storing"),
        ("review", "running"),
        ("failed", "queued"),
        ("canceled", "queued"),
    ],
)
def test_a_job_makes_the_moves_of_its_life(old: str, new: str) -> None:
    assert job_may_move(JobStatus(old), JobStatus(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("queued", "running"),
        ("queued", "succeeded"),
        ("running", "succeeded"),
        ("storing", "queued"),
        ("storing", "canceled"),
        ("review", "succeeded"),
    ],
)
def test_a_job_skips_no_step_and_repeats_no_generation_for_a_download(old: str, new: str) -> None:
    assert not job_may_move(JobStatus(old), JobStatus(new))


def test_success_is_final() -> None:
    assert not JOB_MOVES[JobStatus.SUCCEEDED]
    assert not ATTEMPT_MOVES[AttemptStatus.SUCCEEDED]


def test_success_is_reached_from_storing_only() -> None:
    assert {old for old in JobStatus if job_may_move(old, JobStatus.SUCCEEDED)} == {JobStatus.STORING}


def test_an_attempt_of_unknown_outcome_is_never_sent_again() -> None:
    assert not attempt_may_move(AttemptStatus.UNKNOWN, AttemptStatus.SUBMITTING)
    assert AttemptStatus.SUBMITTING not in {new for moves in ATTEMPT_MOVES.values() for new in moves}


def test_every_job_can_still_reach_an_end() -> None:
    reached = set(SETTLED)
    while grown := {old for old in set(JobStatus) - reached if JOB_MOVES[old] & reached}:
        reached |= grown
    assert reached == set(JobStatus)


def test_of_the_ends_only_a_reviewed_job_is_not_settled() -> None:
    assert set(ENDED - SETTLED) == {JobStatus.REVIEW}
