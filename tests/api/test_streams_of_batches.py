"""Following batches live, over a real server."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from domain.batches import BatchState
from services.runtime import Runtime
from storage.batches import states
from tests.support.finished_batches import a_batch
from tests.support.front import new_project
from tests.support.rows import NOON, end_job
from tests.support.streams import LIVE, Stage, following, staged


@dataclass(frozen=True, slots=True)
class Followed:
    """A batch of three queued rows, and who follows it."""

    stage: Stage
    id: UUID
    job_ids: list[UUID]

    @property
    def path(self) -> str:
        """Where the batch is followed."""
        return f"/v1/batches/{self.id}/events"

    def move(self, state: BatchState, **values: object) -> None:
        """Set the batch to another state."""
        with self.stage.project.runtime.database.work() as session:
            assert states.move(session, self.id, state, among=set(BatchState), **values)

    def end_row(self, row: int) -> None:
        """Let the job of a row end."""
        end_job(self.stage.project.runtime, self.job_ids[row])


@pytest.fixture
def batch(runtime: Runtime) -> Iterator[Followed]:
    with staged(runtime) as stage:
        made = a_batch(runtime, stage.project.id, b"prompt\none\ntwo\nthree\n")
        yield Followed(stage, made.record.id, [job.id for job in made.jobs(range(3))])


@pytest.fixture
def client(batch: Followed) -> Iterator[httpx.Client]:
    with batch.stage.project.client() as made:
        yield made


def test_progress_is_told_while_rows_end(batch: Followed, client: httpx.Client) -> None:
    with following(client, batch.path) as told:
        first = next(told)
        batch.end_row(0)
        second = next(told)
        batch.move(BatchState.PAUSED, reason="on request")
        third = next(told)
        batch.move(BatchState.COMPLETED, ended_at=NOON, reason=None)
        [end] = told
    assert [one.type for one in (first, second, third, end)] == ["progress", "progress", "progress", "end"]
    assert [one.data["counts"]["canceled"] for one in (first, second)] == [0, 1]
    assert (third.data["state"], third.data["reason"]) == ("paused", "on request")
    assert end.data == client.get(f"/v1/batches/{batch.id}").json()
    times = [int(one.id.partition("-")[0]) for one in (first, second, third, end)]
    assert times == sorted(times)
    batch.stage.come_to(0)


def test_nothing_is_told_twice(batch: Followed, client: httpx.Client) -> None:
    with following(client, batch.path) as told:
        first = next(told)
    with following(client, batch.path, first.id) as told:
        batch.end_row(0)
        second = next(told)
    assert second.data["counts"]["canceled"] == 1
    with following(client, batch.path, first.id) as told:
        assert next(told).data["counts"] == second.data["counts"]


def test_whoever_has_seen_the_end_of_a_batch_is_told_to_stop(batch: Followed, client: httpx.Client) -> None:
    with following(client, batch.path) as told:
        progress = next(told)
    batch.move(BatchState.COMPLETED, ended_at=NOON)
    with following(client, batch.path, progress.id) as told:
        [end] = told
    assert end.id.endswith(".end")
    assert client.get(batch.path, headers=LIVE | {"Last-Event-ID": end.id}).status_code == 204
    assert client.get(batch.path, params={"after": end.id}).status_code == 204
    batch.move(BatchState.RUNNING, ended_at=None)
    with following(client, batch.path, end.id) as told:
        assert next(told).data["state"] == "running"


@pytest.mark.parametrize("seen", ["soon", "12-xyz", "1-0123456789abcdef", "0123456789ab"])
def test_an_id_that_is_none_of_a_batch_is_named(batch: Followed, client: httpx.Client, seen: str) -> None:
    answer = client.get(batch.path, headers=LIVE | {"Last-Event-ID": seen})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_event")


def test_another_projects_batch_is_not_there(batch: Followed) -> None:
    stranger = new_project(batch.stage.project.runtime, batch.stage.project.url)
    with stranger.client() as client:
        assert client.get(batch.path, headers=LIVE).status_code == 404


def test_a_batch_is_followed_as_a_stream_only(batch: Followed, client: httpx.Client) -> None:
    refused = client.get(batch.path, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    with client.stream("GET", batch.path, headers={"Accept": "text/html, */*;q=0.1"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
