"""Following jobs and batches live, over a real server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from uuid import UUID

import httpx
import pytest

from domain.lifecycle import JobStatus
from services.access import Scope, create_key, revoke_key
from services.runtime import Runtime
from storage import jobs
from tests.support.front import new_project
from tests.support.rows import NOON, a_job, keep
from tests.support.streams import LIVE, Stage, following, staged


@pytest.fixture
def here(runtime: Runtime) -> Iterator[Stage]:
    with staged(runtime) as stage:
        yield stage


def test_steps_come_in_order_as_the_timeline_shows_them(here: Stage) -> None:
    with here.project.client() as client, following(client, here.path) as told:
        first = list(islice(told, 2))
        here.step("submitted")
        first.append(next(told))
        here.end()
        rest = list(told)
        shown = client.get(here.path).json()["data"]
        job = client.get(f"/v1/jobs/{here.job_id}").json()
    steps = [*first, *rest[:-1]]
    assert [step.data for step in steps] == shown
    assert [step.id for step in steps] == [step["id"] for step in shown]
    assert [step.type for step in steps] == ["accepted", "queued", "submitted", "canceled"]
    assert (rest[-1].type, rest[-1].id) == ("end", f"{steps[-1].id}.end")
    assert rest[-1].data["status"] == job["status"] == "canceled"
    here.come_to(0)


def test_the_head_tells_proxies_to_let_it_through(here: Stage) -> None:
    with here.project.client() as client, client.stream("GET", here.path, headers=LIVE) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        head = dict(answer.headers)
    assert head["content-type"].startswith("text/event-stream")
    assert (head["cache-control"], head["x-accel-buffering"]) == ("no-cache", "no")
    assert "content-length" not in head


@pytest.mark.parametrize("by", ["header", "query"])
def test_it_is_gone_on_with_from_the_middle(here: Stage, by: str) -> None:
    with here.project.client() as client:
        with following(client, here.path) as told:
            seen = next(told).id
        here.step("submitted", "running")
        path = f"{here.path}?after={seen}" if by == "query" else here.path
        with following(client, path, seen if by == "header" else None) as told:
            assert [step.type for step in islice(told, 3)] == ["queued", "submitted", "running"]
        assert [step["type"] for step in client.get(f"{here.path}?after={seen}").json()["data"]] == [
            "queued",
            "submitted",
            "running",
        ]


def test_what_a_browser_sends_again_goes_before_the_address(here: Stage) -> None:
    with here.project.client() as client:
        steps = client.get(here.path).json()["data"]
        here.step("submitted")
        path = f"{here.path}?after={steps[0]['id']}"
        with following(client, path, steps[1]["id"]) as told:
            assert next(told).type == "submitted"


def test_long_timelines_come_whole(here: Stage) -> None:
    here.step(*(f"step_{n}" for n in range(400)))
    here.end()
    with here.project.client() as client, following(client, here.path) as told:
        types = [step.type for step in told]
    assert types == ["accepted", "queued", *(f"step_{n}" for n in range(400)), "canceled", "end"]


def test_whoever_has_seen_the_end_is_told_to_stop(here: Stage) -> None:
    here.end()
    with here.project.client() as client:
        with following(client, here.path) as told:
            *_, canceled, end = told
        again = client.get(here.path, headers=LIVE | {"Last-Event-ID": end.id})
        assert (again.status_code, again.content) == (204, b"")
        with following(client, here.path, canceled.id) as told:
            assert [one.type for one in told] == ["end"]


def test_a_job_that_runs_again_is_followed_again(here: Stage) -> None:
    here.end()
    with here.project.client() as client:
        with following(client, here.path) as told:
            *_, end = told
        with here.project.runtime.database.work() as session:
            job = jobs.lock_job(session, here.job_id)
            assert job is not None
            jobs.move_job(session, job, JobStatus.QUEUED, ended_at=None)
            jobs.note(session, here.job_id, "retried", NOON)
        with following(client, here.path, end.id) as told:
            assert next(told).type == "retried"


def test_a_job_in_review_goes_on(here: Stage) -> None:
    with here.project.client() as client, following(client, here.path) as told:
        list(islice(told, 2))
        with here.project.runtime.database.work() as session:
            job = jobs.lock_job(session, here.job_id)
            assert job is not None
            jobs.move_job(session, job, JobStatus.SUBMITTING)
            jobs.move_job(session, job, JobStatus.REVIEW)
            jobs.note(session, here.job_id, "outcome_unknown", NOON)
        assert next(told).type == "outcome_unknown"
        here.step("resolved")
        assert next(told).type == "resolved"


@pytest.mark.parametrize("seen", ["soon", "-1", "1.5", "9" * 30, "999999999", "0x1", "1 .end"])
def test_an_unknown_place_is_named(here: Stage, seen: str) -> None:
    with here.project.client() as client:
        live = client.get(here.path, headers=LIVE | {"Last-Event-ID": seen})
        plain = client.get(here.path, params={"after": seen})
    assert [live.status_code, plain.status_code] == [422, 422]
    assert live.json()["code"] == "unknown_event"
    assert "Last-Event-ID" in live.json()["detail"]


def test_another_jobs_step_is_no_place_here(here: Stage) -> None:
    other = a_job(project_id=here.project.id)
    keep(here.project.runtime, other)
    with here.project.runtime.database.work() as session:
        jobs.note(session, other.id, "accepted", NOON)
    with here.project.client() as client:
        [step] = client.get(f"/v1/jobs/{other.id}/events").json()["data"]
        answer = client.get(here.path, headers=LIVE | {"Last-Event-ID": step["id"]})
    assert answer.status_code == 422


def test_who_may_not_look_is_told_before_the_stream(here: Stage) -> None:
    stranger = new_project(here.project.runtime, here.project.url)
    with stranger.client() as client:
        assert client.get(here.path, headers=LIVE).json()["code"] == "not_found"
    with httpx.Client(base_url=here.project.url, timeout=60, trust_env=False) as nobody:
        assert nobody.get(here.path, headers=LIVE).status_code == 401
    with here.project.client(Scope.READ) as reader, following(reader, here.path) as told:
        assert next(told).type == "accepted"


def test_a_key_that_is_revoked_sees_no_more(here: Stage) -> None:
    runtime, project_id = here.project.runtime, here.project.id
    lost = create_key(runtime, project_id=project_id, name="lost", scope=Scope.READ)
    headers = {"Authorization": f"Bearer {lost['key']}"}
    with (
        here.project.client() as other,
        httpx.Client(base_url=here.project.url, headers=headers, timeout=60, trust_env=False) as client,
        following(other, here.path) as goes_on,
        following(client, here.path) as told,
    ):
        assert len(list(islice(told, 2))) == 2
        revoke_key(runtime, project_id=project_id, key_id=UUID(lost["id"]))
        assert list(told) == []
        here.step("submitted")
        assert [one.type for one in islice(goes_on, 3)] == ["accepted", "queued", "submitted"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html, */*", "application/json"),
        ("text/*", "text/event-stream"),
        ("text/event-stream;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, TEXT/event-stream; q=high", "text/event-stream"),
        ("text/event-stream, */*", "text/event-stream"),
        ("text/event-stream;q=0, */*", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_the_client_says_which_form_it_wants(here: Stage, accept: str, kind: str) -> None:
    with (
        here.project.client() as client,
        client.stream("GET", here.path, headers={"Accept": accept}) as answer,
    ):
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["vary"] == "Accept"


def test_asking_for_the_head_follows_nothing(here: Stage) -> None:
    with here.project.client() as client:
        assert client.head(here.path, headers=LIVE).status_code == 405
    assert here.live.viewers == 0


def test_a_client_that_hangs_up_leaves_nothing(here: Stage) -> None:
    with here.project.client() as client, following(client, here.path) as told:
        next(told)
        here.come_to(1)
    here.come_to(0)


def test_many_follow_one_job(here: Stage) -> None:
    def follow() -> list[str]:
        with here.project.client() as client, following(client, here.path) as told:
            return [one.type for one in told]

    with ThreadPoolExecutor(20) as pool:
        followers = [pool.submit(follow) for _ in range(20)]
        here.come_to(20)
        here.end()
        assert {tuple(follower.result()) for follower in followers} == {
            ("accepted", "queued", "canceled", "end")
        }
    here.come_to(0)
