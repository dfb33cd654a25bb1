"""Submitting, listing, showing, canceling and retrying jobs, on the real API."""

import io
import sys
import threading
from uuid import UUID

import pytest

from domain.lifecycle import AttemptStatus, JobStatus
from tests.cli.conftest import Darkroom, Outcome
from tests.support.front import Project
from tests.support.rows import a_job, an_attempt, end_job, keep

pytestmark = pytest.mark.usefixtures("project")


def submitted(darkroom: Darkroom, *options: str) -> str:
    ended = darkroom("submit", "kling-v3", "a red kite", "--json", *options)
    assert ended.code == 0, ended.err
    job: str = ended.json["id"]
    return job


def test_every_option_of_submit_reaches_the_job(darkroom: Darkroom) -> None:
    options = (
        "--set duration=5 --set resolution=720p --set extra.cfg_scale=0.5 --provider linkmodel --kind video"
    )
    more = (
        "--policy predictable --max-cost 0.50 --callback http://127.0.0.1:9/hook --tag client=acme --tag n=1"
    )
    job = darkroom("submit", "kling-v3", "a red kite", *options.split(), *more.split(), "--json").json
    assert job["input"] == {
        "prompt": "a red kite",
        "duration": 5,
        "resolution": "720p",
        "extra": {"cfg_scale": 0.5},
    }
    assert job["routing"]["provider"] == "linkmodel"
    assert job["routing"]["policy"] == "predictable"
    assert job["routing"]["max_cost_usd"] == "0.50"
    assert job["callback_url"] == "http://127.0.0.1:9/hook"
    assert job["tags"] == {"client": "acme", "n": "1"}


def test_the_same_idempotency_key_makes_one_job(darkroom: Darkroom) -> None:
    first = submitted(darkroom, "--idempotency-key", "once")
    assert submitted(darkroom, "--idempotency-key", "once") == first
    assert submitted(darkroom) != submitted(darkroom)
    assert len(darkroom("jobs", "list", "--json").json["data"]) == 3


def test_a_prompt_may_come_from_standard_input(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long prompt\nof two lines\n"))
    assert (
        darkroom("submit", "kling-v3", "-", "--json").json["input"]["prompt"] == "a long prompt\nof two lines"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope", "x"], "model 'nope' is not known"),
        (["kling-v3", "x", "--set", "duraton=5"], "input.duraton is not known: did you mean duration?"),
        (["kling-v3", "x", "--set", "duration=long"], "input.duration must be a whole number"),
        (["kling-v3", "x", "--set", "prompt=y"], "leave it out of --set"),
        (["kling-v3", "x", "--max-cost", "0.001"], "above max_cost_usd 0.001"),
        (["kling-v3", "x", "--provider", "other"], "--provider"),
        (["kling-v3"], "PROMPT"),
    ],
)
def test_wrong_input_is_code_2_and_says_what_would_be_right(
    arguments: list[str], said: str, darkroom: Darkroom
) -> None:
    ended = darkroom("submit", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_jobs_are_listed_filtered_and_paged(darkroom: Darkroom) -> None:
    tagged, other = submitted(darkroom, "--tag", "client=acme"), submitted(darkroom)
    everything = darkroom("jobs", "list").out
    assert everything.index(other) < everything.index(tagged)
    assert tagged in darkroom("jobs", "list", "--tag", "client=acme", "--status", "queued").out
    assert other not in darkroom("jobs", "list", "--tag", "client=acme").out
    assert (
        darkroom(
            "jobs", "list", "--kind", "image", "--model", "flux-dev", "--provider", "fal", "--json"
        ).json["data"]
        == []
    )
    first = darkroom("jobs", "list", "--limit", 1)
    cursor = first.err.split("--cursor ")[1].strip()
    assert tagged in darkroom("jobs", "list", "--limit", 1, "--cursor", cursor).out


def test_a_job_is_shown_whole_with_what_its_attempts_came_to(darkroom: Darkroom, project: Project) -> None:
    failure = {
        "code": "provider_failed",
        "message": "it \x1b[31mburst",
        "provider_code": None,
        "retryable": True,
    }
    job = a_job(
        project_id=project.id,
        status=JobStatus.FAILED,
        error=failure,
        ended_at=project.runtime.clock(),
        tags={"client": "acme"},
    )
    attempt = an_attempt(
        job, status=AttemptStatus.FAILED, error=failure, cost_nano=61_000_000, cost_final=True
    )
    keep(project.runtime, job, attempt)
    ended = darkroom("jobs", "show", job.id)
    assert ended.code == 0
    for said in (str(job.id), "failed", "provider_failed", "$0.061", "request-1", "a red kite", "acme"):
        assert said in ended.out
    assert "\x1b" not in ended.out


def test_what_has_happened_to_a_job_can_be_read(darkroom: Darkroom) -> None:
    job = submitted(darkroom)
    assert [step["type"] for step in darkroom("jobs", "events", job, "--json").json["data"]] == [
        "accepted",
        "queued",
    ]
    shown = darkroom("jobs", "events", job).out
    assert "accepted" in shown
    assert "provider: linkmodel" in shown


def test_following_a_job_ends_with_it_and_misses_nothing(darkroom: Darkroom, project: Project) -> None:
    job = submitted(darkroom)
    ender = threading.Timer(0.3, lambda: darkroom_cancel(project, job))
    ender.start()
    followed = darkroom("jobs", "events", job, "--follow", "--json")
    ender.join()
    steps = [line.split('"type": "')[1].split('"')[0] for line in followed.out.splitlines()]
    assert steps == ["accepted", "queued", "cancel_requested", "canceled"]
    assert "canceled" in darkroom("jobs", "events", job, "--follow").out


def darkroom_cancel(project: Project, job: str) -> None:
    with project.client() as client:
        client.post(f"/v1/jobs/{job}/cancel").raise_for_status()


def test_a_canceled_job_says_what_that_stopped(darkroom: Darkroom) -> None:
    job = submitted(darkroom)
    ended = darkroom("jobs", "cancel", job)
    assert ended.code == 0
    assert "canceled: it had not been sent: it is canceled and costs nothing" in ended.out
    again = darkroom("jobs", "cancel", job)
    assert again.code == 2
    assert "the job has ended: it is canceled" in again.err
    other = darkroom("jobs", "cancel", submitted(darkroom), "--json").json
    assert other["cancellation"]["effect"] == "canceled"


def test_a_canceled_job_can_be_retried(darkroom: Darkroom) -> None:
    job = submitted(darkroom)
    darkroom("jobs", "cancel", job)
    assert darkroom("jobs", "retry", job, "--json").json["status"] == "queued"
    assert darkroom("jobs", "retry", job).code == 2


def waited(darkroom: Darkroom, project: Project, status: JobStatus) -> Outcome:
    job = submitted(darkroom)
    ender = threading.Timer(0.3, lambda: end_job(project.runtime, UUID(job), status))
    ender.start()
    ended = darkroom("jobs", "show", job, "--wait", "--json")
    ender.join()
    return ended


def test_waiting_ends_with_code_1_for_a_job_that_does_not_succeed(
    darkroom: Darkroom, project: Project
) -> None:
    ended = waited(darkroom, project, JobStatus.CANCELED)
    assert ended.code == 1
    assert ended.json["status"] == "canceled"
    assert "did not succeed: canceled" in ended.err


@pytest.mark.parametrize("lively", [False, True])
def test_waiting_shows_where_the_job_stands_only_to_people(
    darkroom: Darkroom, project: Project, monkeypatch: pytest.MonkeyPatch, *, lively: bool
) -> None:
    if lively:
        monkeypatch.setenv("FORCE_COLOR", "1")
    job = submitted(darkroom)
    darkroom("jobs", "cancel", job)
    with project.client() as client:
        client.post(f"/v1/jobs/{job}/retry").raise_for_status()
    ender = threading.Timer(0.5, lambda: darkroom_cancel(project, job))
    ender.start()
    ended = darkroom("jobs", "show", job, "--wait")
    ender.join()
    assert ended.code == 1
    assert ("is queued at linkmodel" in ended.err) == lively


@pytest.mark.parametrize("command", ["show", "events", "cancel", "retry"])
def test_what_is_not_there_is_code_2(command: str, darkroom: Darkroom) -> None:
    missing = darkroom("jobs", command, "0199aa00-0000-7000-8000-000000000000")
    assert missing.code == 2
    assert "there is no job 0199aa00" in missing.err
    malformed = darkroom("jobs", command, "../keys")
    assert malformed.code == 2
    assert "`darkroom jobs list`" in malformed.err


def test_a_tag_filter_without_a_value_is_refused(darkroom: Darkroom) -> None:
    ended = darkroom("jobs", "list", "--tag", "client")
    assert ended.code == 2
    assert "--tag client=acme" in ended.err
