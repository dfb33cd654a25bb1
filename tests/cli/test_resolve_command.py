"""Resolving a job in review at the command line, on the real API."""

import io
import sys
from uuid import UUID

import pytest

from domain.lifecycle import AttemptStatus, JobStatus
from tests.cli.conftest import Darkroom
from tests.support.front import Project
from tests.support.rows import a_job, an_attempt, keep

_PLAN = [{"provider": "linkmodel", "endpoint": "kling-v3", "high_nano": 305_000_000, "exhausted": False}]


@pytest.fixture
def reviewed(project: Project) -> UUID:
    """A job in review, for which 0.305 USD are held."""
    job = a_job(
        project_id=project.id, status=JobStatus.REVIEW, attempts=1, plan=_PLAN, reserved_nano=305_000_000
    )
    attempt = an_attempt(job, status=AttemptStatus.UNKNOWN, provider_request_id=None)
    keep(project.runtime, job, attempt)
    return job.id


class _Person(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", _Person("".join(f"{line}\n" for line in lines)))


def test_a_script_is_shown_the_choices_and_decides_nothing(darkroom: Darkroom, reviewed: UUID) -> None:
    ended = darkroom("jobs", "resolve", reviewed)
    assert ended.code == 0, ended.err
    assert "up to 0.305 USD" in ended.out
    assert "--adopt ID, --resubmit or --fail, with --yes" in ended.err
    choices = darkroom("jobs", "resolve", reviewed, "--json").json
    assert [choice["action"] for choice in choices["choices"]] == ["adopt", "resubmit", "fail"]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_decision_of_a_script_needs_a_yes(
    darkroom: Darkroom, reviewed: UUID, more: tuple[str, ...]
) -> None:
    ended = darkroom("jobs", "resolve", reviewed, "--fail", *more)
    assert (ended.code, "add --yes" in ended.err) == (2, True)
    assert darkroom("jobs", "show", reviewed, "--json").json["status"] == "review"


def test_a_decision_with_a_yes_is_carried_out(darkroom: Darkroom, reviewed: UUID) -> None:
    ended = darkroom("jobs", "resolve", reviewed, "--fail", "--cost", "0", "--yes", "--json")
    # The server runs in this very process, and its log goes the same way.
    assert (ended.code, '"status": "failed"' in ended.out) == (0, True), ended.err
    assert darkroom("jobs", "show", reviewed, "--json").json["cost"]["nano_usd"] == 0
    again = darkroom("jobs", "resolve", reviewed, "--resubmit", "--yes")
    assert (again.code, "there is nothing to decide" in again.err) == (2, True)


def test_a_person_is_asked_and_may_leave_it(
    darkroom: Darkroom, reviewed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "nothing")
    assert darkroom("jobs", "resolve", reviewed).code == 0
    types(monkeypatch, "n")
    assert darkroom("jobs", "resolve", reviewed, "--resubmit").code == 0
    assert darkroom("jobs", "show", reviewed, "--json").json["status"] == "review"


def test_a_person_chooses_and_says_what_it_cost(
    darkroom: Darkroom, reviewed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "resubmit", "0")
    ended = darkroom("jobs", "resolve", reviewed)
    assert (ended.code, "queued" in ended.out) == (0, True), ended.err
    first = darkroom("jobs", "show", reviewed, "--json").json["attempts"][0]
    assert first["cost"]["nano_usd"] == 0


def test_a_person_confirms_what_the_options_say(
    darkroom: Darkroom, reviewed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "y")
    assert darkroom("jobs", "resolve", reviewed, "--fail").code == 0
    assert darkroom("jobs", "show", reviewed, "--json").json["status"] == "failed"


def test_a_request_is_named_when_it_is_taken_up(
    darkroom: Darkroom, reviewed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "adopt", "task-9")
    ended = darkroom("jobs", "resolve", reviewed)
    # Nobody stands behind the provider's address here, so it cannot say whether it has the request.
    assert (ended.code, "cannot be asked about the request" in ended.err) == (3, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--fail", "--resubmit"), "exclude one another"),
        (("--cost", "1"), "--cost goes with"),
        (("--adopt", "x", "--cost", "1", "--yes"), "cost_usd goes with resubmit and fail"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    darkroom: Darkroom, reviewed: UUID, given: tuple[str, ...], said: str
) -> None:
    ended = darkroom("jobs", "resolve", reviewed, *given)
    assert (ended.code, said in ended.err) == (2, True), ended.err
