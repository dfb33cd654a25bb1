"""Following jobs and batches live: who may, and what they are sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import Problem
from api.background import beside
from api.following import Following, Pace, Piece
from api.viewers import EventStream, Place, Viewer
from api.waiting import Ends
from services import live
from services.access import Caller
from services.live import OVER, SLICE
from services.runtime import Runtime
from storage.database import DatabaseTrouble

# How many follow at once in one process.
MOST_VIEWERS: Final = 5_000
# The state of a batch is told once a second: a little less, so that no second is skipped.
_BATCH_REST: Final = 0.9
# A key that is revoked is remembered no longer than this elsewhere either.
_KEYS_SECONDS: Final = 5.0


class Live:
    """All who follow something in this process; ``most`` at once."""

    def __init__(
        self, runtime: Runtime, ends: Ends, *, most: int = MOST_VIEWERS, pace: Pace | None = None
    ) -> None:
        self._runtime = runtime
        self._most = most
        rhythm = pace or Pace()
        self._jobs = Following(partial(_of_jobs, runtime), rhythm, rest=0)
        self._batches = Following(partial(_of_batches, runtime), rhythm, rest=_BATCH_REST)
        ends.follow(self._jobs.knock)

    @property
    def viewers(self) -> int:
        """How many follow just now."""
        return len(self._jobs) + len(self._batches)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell of news for as long as the block runs."""
        async with beside(self._jobs.run(), self._batches.run(), self._ask_for_keys()):
            yield

    def end_all(self) -> None:
        """End every stream: whoever followed asks again, here or elsewhere, and misses nothing."""
        self._jobs.end_all()
        self._batches.end_all()

    async def job(self, caller: Caller, job_id: UUID, seen: str | None) -> Response:
        """The steps of a job behind the event ``seen``, as they happen; 204 where its end was seen.

        Raises:
            NotFound: the project has no such job.
            Unprocessable: the job has no such event.
            Problem: too many follow already.
        """
        if not await run_in_threadpool(live.has_more, self._runtime, caller.project_id, job_id, seen):
            return Response(status_code=204)
        step, _ = live.step_seen(seen)
        return self._stream(self._jobs, (job_id, step), caller)

    async def batch(self, caller: Caller, batch_id: UUID, seen: str | None) -> Response:
        """The states of a batch from now on, but for the one that ``seen`` tells of; raises as ``job``."""
        if not await run_in_threadpool(live.batch_has_more, self._runtime, caller.project_id, batch_id, seen):
            return Response(status_code=204)
        digest, _ = live.state_seen(seen)
        return self._stream(self._batches, (batch_id, digest), caller)

    async def _ask_for_keys(self) -> None:
        """End the streams of keys that were revoked; where that cannot be asked just now, a little later."""
        while True:
            await asyncio.sleep(_KEYS_SECONDS)
            asked = self._jobs.keys() | self._batches.keys()
            with suppress(DatabaseTrouble):
                good = await run_in_threadpool(live.good_keys, self._runtime, asked) if asked else asked
                # Who came meanwhile was let in meanwhile.
                later = (self._jobs.keys() | self._batches.keys()) - asked
                for part in (self._jobs, self._batches):
                    part.end_others(good | later)

    def _stream(self, part: Following, place: Place, caller: Caller) -> Response:
        if self.viewers >= self._most:
            sentence = f"{self._most} follow something here already, which is the most: try again, or poll"
            raise Problem(503, "too_many_viewers", sentence, headers={"Retry-After": "5"})
        viewer = Viewer(place, caller.key_id, since=asyncio.get_running_loop().time())
        return EventStream(viewer, part.looking(viewer), part.sent)


def _of_jobs(runtime: Runtime, places: Collection[Place]) -> Mapping[Place, Piece]:
    asked = {(job_id, seen) for job_id, seen in places if isinstance(seen, int)}
    return {place: _steps(place[1], news) for place, news in live.news_of_jobs(runtime, asked).items()}


def _steps(after: int, news: live.Steps) -> Piece:
    last = int(news.steps[-1]["id"]) if news.steps else after
    parts = [_event(step["id"], step["type"], step) for step in news.steps]
    if news.job is not None:
        parts.append(_event(f"{last}{OVER}", "end", news.job))
    return Piece(b"".join(parts), last, over=news.job is not None, more=len(news.steps) == SLICE)


def _of_batches(runtime: Runtime, places: Collection[Place]) -> Mapping[Place, Piece]:
    states = live.states_of_batches(runtime, {batch_id for batch_id, _ in places})
    pieces = {batch_id: _state(state) for batch_id, state in states.items()}
    return {
        place: pieces[place[0]]
        for place in places
        if place[0] in pieces and (pieces[place[0]].over or place[1] != pieces[place[0]].seen)
    }


def _state(state: live.State) -> Piece:
    place = f"{state.at_ms}-{state.digest}"
    if state.over:
        return Piece(_event(f"{place}{OVER}", "end", state.view), state.digest, over=True)
    return Piece(_event(place, "progress", state.view), state.digest, over=False)


def _event(event_id: str, type_: str, data: dict[str, Any]) -> bytes:
    """One event on the wire, its data in one line of ASCII: many a client takes U+2028 for a line break."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"id: {event_id}\nevent: {type_}\ndata: {text}\n\n".encode("ascii")
