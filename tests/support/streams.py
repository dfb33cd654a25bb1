"""A job that is followed live, and a client that reads server-sent events one by one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx

from api.app import create_app
from api.following import Pace
from api.live import MOST_VIEWERS, Live
from services.runtime import Runtime
from storage import jobs
from tests.support.front import Project, new_project, served
from tests.support.rows import NOON, a_job, end_job, keep
from tests.support.until import until

LIVE = {"Accept": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it came."""

    id: str
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A server of its own, with one open job that has made two steps."""

    project: Project
    job_id: UUID
    live: Live

    @property
    def path(self) -> str:
        """Where the job is followed."""
        return f"/v1/jobs/{self.job_id}/events"

    def step(self, *types: str) -> None:
        """Let the job make steps, all at once."""
        with self.project.runtime.database.work() as session:
            for type_ in types:
                jobs.note(session, self.job_id, type_, NOON, data={"said": "a kite\nover \u2028 dunes"})

    def end(self) -> None:
        """End the job, with the step that goes with it."""
        self.step("canceled")
        end_job(self.project.runtime, self.job_id)

    def come_to(self, count: int) -> None:
        """Go on once ``count`` follow something."""
        until(lambda: self.live.viewers == count, f"{count} following")


@contextmanager
def staged(runtime: Runtime, *, most: int = MOST_VIEWERS, pace: Pace | None = None) -> Iterator[Stage]:
    """A stage for as long as the block runs, with room for ``most`` viewers."""
    app = create_app(runtime)
    parts = app.state.parts
    live = Live(runtime, parts.ends, most=most, pace=pace)
    app.state.parts = replace(parts, live=live)
    with served(app) as address:
        project = new_project(runtime, address)
        job = a_job(project_id=project.id)
        keep(runtime, job)
        stage = Stage(project, job.id, live)
        stage.step("accepted", "queued")
        yield stage


@contextmanager
def following(client: httpx.Client, path: str, seen: str | None = None) -> Iterator[Iterator[Told]]:
    """The events behind the one with the id ``seen``, one after another until the server ends the stream."""
    headers = LIVE if seen is None else LIVE | {"Last-Event-ID": seen}
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[Told]:
    """The events that lines spell out; comments and the time to wait are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        if "data" in fields:
            yield Told(fields["id"], fields["event"], json.loads(fields["data"]))
        fields = {}
