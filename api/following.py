"""Those who follow things of one kind: one question a second for all of them, however many they are."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from starlette.concurrency import run_in_threadpool

from api.viewers import Place, Viewer
from storage.database import DatabaseTrouble

_LOOK_SECONDS: Final = 1.0
# What comes in while one question is asked waits for the next: at most so many questions a second.
_TOGETHER_SECONDS: Final = 0.05
_BEAT: Final = b": still here\n\n"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often viewers hear that they are still connected, and how long one may take nothing, in seconds."""

    beat: float = 15.0
    stalled: float = 30.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent to everybody who stands at one place, and where they stand then."""

    text: bytes
    seen: int | str
    over: bool
    more: bool = False


News = Callable[[Collection[Place]], Mapping[Place, Piece]]


class Following:
    """The viewers of one kind of thing. ``read`` is asked each second for all, and at once where one is due.

    Those who have seen the same are one question and one piece, made once.
    """

    def __init__(self, read: News, pace: Pace, *, rest: float) -> None:
        self._read = read
        self._pace = pace
        self._rest = rest
        self._viewers: dict[UUID, set[Viewer]] = defaultdict(set)
        self._due: set[Viewer] = set()
        self._knocked = asyncio.Event()
        self._stopped = False

    def __len__(self) -> int:
        """How many follow just now."""
        return sum(map(len, self._viewers.values()))

    @contextmanager
    def looking(self, viewer: Viewer) -> Iterator[None]:
        """Have ``viewer`` told for as long as the block runs."""
        followed, _ = viewer.place
        self._viewers[followed].add(viewer)
        self._tell_soon([viewer])
        if self._stopped:
            viewer.end()
        try:
            yield
        finally:
            self._due.discard(viewer)
            self._viewers[followed].discard(viewer)
            if not self._viewers[followed]:
                del self._viewers[followed]

    def sent(self, viewer: Viewer) -> None:
        """What was given to ``viewer`` has been sent; where more is there, it is read at once."""
        if viewer.more:
            self._tell_soon([viewer])

    def knock(self, followed: UUID) -> None:
        """Something has happened: look now, for whoever follows it."""
        self._tell_soon(self._viewers.get(followed, ()))

    def keys(self) -> set[UUID]:
        """The keys with which the viewers came."""
        return {viewer.key_id for viewer in self._all()}

    def end_others(self, keys: Collection[UUID]) -> None:
        """End the streams of those who came with other keys than ``keys``."""
        for viewer in self._all():
            if viewer.key_id not in keys:
                viewer.end()

    def end_all(self) -> None:
        """End every stream, and each that is begun from now on."""
        self._stopped = True
        for viewer in self._all():
            viewer.end()

    async def run(self) -> None:
        """Look for news until canceled."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._knocked.wait(), max(look_at - loop.time(), 0))
            self._knocked.clear()
            due, self._due = self._due, set()
            everyone = loop.time() >= look_at
            if everyone:
                look_at = loop.time() + _LOOK_SECONDS
                due = self._all()
            await self._tell([viewer for viewer in due if self._wants(viewer, loop.time())])
            if everyone:
                self._tend(loop.time())
            await asyncio.sleep(_TOGETHER_SECONDS)

    def _tell_soon(self, viewers: Iterable[Viewer]) -> None:
        self._due.update(viewers)
        if self._due:
            self._knocked.set()

    def _wants(self, viewer: Viewer, now: float) -> bool:
        return not viewer.busy and now >= viewer.rests_until

    async def _tell(self, viewers: list[Viewer]) -> None:
        if not viewers:
            return
        try:
            news = await run_in_threadpool(self._read, {viewer.place for viewer in viewers})
        except DatabaseTrouble:
            log.warning("news_not_read", viewers=len(viewers))
            return
        now = asyncio.get_running_loop().time()
        for viewer in viewers:
            piece = news.get(viewer.place)
            if piece is not None:
                viewer.give(piece.text, now)
                viewer.rests_until = now + self._rest
                viewer.place, viewer.more = (viewer.place[0], piece.seen), piece.more
                if piece.over:
                    viewer.end()

    def _tend(self, now: float) -> None:
        """Give a sign of life to those who heard nothing for long, and hang up on those who take nothing."""
        for viewer in self._all():
            if viewer.busy and now - viewer.since >= self._pace.stalled:
                log.info("viewer_cut", followed=str(viewer.place[0]), seconds=self._pace.stalled)
                viewer.cut()
            elif not viewer.busy and now - viewer.since >= self._pace.beat:
                viewer.give(_BEAT, now)

    def _all(self) -> set[Viewer]:
        return set().union(*self._viewers.values())
