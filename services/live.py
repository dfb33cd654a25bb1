"""Following jobs and batches: where a viewer stands, and what has happened since, for many at once."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from domain.batches import ENDED
from domain.lifecycle import SETTLED
from services import reading
from services.batches import views
from services.refusals import Unprocessable
from services.runtime import Runtime
from services.views import event_view
from storage import live
from storage.live import JobPlace

# How many steps of one job are read, and wait for a viewer, at a time.
SLICE: Final = 100

# What the id of the last event of all ends with.
OVER: Final = ".end"
_STEP: Final = re.compile(rf"([0-9]{{1,18}})({re.escape(OVER)})?")
_STATE: Final = re.compile(rf"[0-9]{{1,15}}-([0-9a-f]{{12}})({re.escape(OVER)})?")
_DIGITS: Final = 12
# They change with the clock, where nothing else does.
_CLOCKS: Final = frozenset({"rate_per_minute", "seconds_left"})

# A batch, and the digest of the state of it that was seen; empty where none was.
BatchPlace = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Steps:
    """What happened to a job behind a place: the views of its steps, and its own where it is over."""

    steps: list[dict[str, Any]]
    job: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class State:
    """A batch as it is now; ``digest`` tells whether anything but the clock has changed."""

    view: dict[str, Any]
    digest: str
    at_ms: int

    @property
    def over(self) -> bool:
        """Whether the batch has come to an end."""
        return self.view["state"] in ENDED


def step_seen(given: str | None) -> tuple[int, bool]:
    """The step that an event id stands for, 0 for none, and whether it is that of the end.

    Raises:
        Unprocessable: this is no such id.
    """
    if not given:
        return 0, False
    found = _STEP.fullmatch(given)
    if found is None:
        raise _no_place(given)
    return int(found[1]), found[2] is not None


def state_seen(given: str | None) -> tuple[str, bool]:
    """The digest that the id of a batch's event stands for, empty for none, and whether it is the end's.

    Raises:
        Unprocessable: this is no such id.
    """
    if not given:
        return "", False
    found = _STATE.fullmatch(given)
    if found is None:
        raise _no_place(given)
    return found[1], found[2] is not None


def has_more(runtime: Runtime, project_id: UUID, job_id: UUID, seen: str | None) -> bool:
    """Whether there may be anything to tell of a job behind the event ``seen``.

    Raises:
        NotFound: the project has no such job.
        Unprocessable: the job has no such event.
    """
    step, over = step_seen(seen)
    with runtime.database.work() as session:
        job = reading.own(session, project_id, job_id)
        if step and not live.has_step(session, job_id, step):
            raise _no_place(str(seen))
    return not (over and job.status in SETTLED)


def timeline(runtime: Runtime, project_id: UUID, job_id: UUID, seen: str | None) -> dict[str, Any]:
    """Every step of a job so far behind the event ``seen``, in order; raises as ``has_more``."""
    has_more(runtime, project_id, job_id, seen)
    return reading.timeline(runtime, project_id, job_id, after=step_seen(seen)[0])


def batch_has_more(runtime: Runtime, project_id: UUID, batch_id: UUID, seen: str | None) -> bool:
    """Whether there may be anything to tell of a batch behind the event ``seen``; raises as ``has_more``."""
    _, over = state_seen(seen)
    view = views.batch(runtime, project_id, batch_id)
    return not (over and view["state"] in ENDED)


def news_of_jobs(runtime: Runtime, places: Collection[JobPlace]) -> dict[JobPlace, Steps]:
    """What happened to jobs behind these places, up to ``SLICE`` steps of each, all as of one moment."""
    with runtime.database.work() as session:
        live.one_snapshot(session)
        found = live.news_of_jobs(session, places, most=SLICE)
        over = {place for place, news in found.items() if news.settled and len(news.steps) < SLICE}
        records = live.jobs_among(session, {job_id for job_id, _ in over})
        ended = {UUID(view["id"]): view for view in reading.views_of(runtime, session, records)}
    return {
        place: Steps([event_view(step) for step in news.steps], ended[place[0]] if place in over else None)
        for place, news in found.items()
    }


def states_of_batches(runtime: Runtime, batch_ids: Collection[UUID]) -> dict[UUID, State]:
    """The batches as they are now."""
    now = runtime.clock()
    with runtime.database.work() as session:
        live.one_snapshot(session)
        shown = views.views_of(session, live.batches_among(session, batch_ids), now)
    at_ms = int(now.timestamp() * 1000)
    return {UUID(view["id"]): State(view, _digest(view), at_ms) for view in shown}


def good_keys(runtime: Runtime, key_ids: Collection[UUID]) -> set[UUID]:
    """Those of the keys that were not revoked."""
    with runtime.database.work() as session:
        return live.good_keys(session, key_ids)


def _digest(view: dict[str, Any]) -> str:
    lasting = {name: value for name, value in view.items() if name not in _CLOCKS}
    return sha256(json.dumps(lasting).encode()).hexdigest()[:_DIGITS]


def _no_place(given: str) -> Unprocessable:
    return Unprocessable(
        f"there is no event {given[:40]!r} here: give the id of the last one that you have as it came, in "
        "Last-Event-ID or after, or leave it out to begin at the beginning",
        code="unknown_event",
        field="after",
    )
