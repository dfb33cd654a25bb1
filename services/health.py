"""Whether everything that jobs need is there: each part asked at once, none waited for long."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

import redis

from services.runtime import Runtime
from storage.health import last_beat
from storage.objects.base import StoreError
from storage.outage import DATABASE_AWAY

_SECONDS: Final = 3.0
_SOCKET_SECONDS: Final = 1.0
_OLDEST_BEAT: Final = timedelta(seconds=15)
# Jobs are accepted and read without it, and run once it is back.
_NOT_NEEDED: Final = frozenset({"redis"})
_SILENT: Final = "it has not answered in time: see that it runs, and that packets to it are not dropped"
_START: Final = "start one with `python -m workers.watcher`"


class Ailing(Exception):  # noqa: N818 - names the fact
    """A part is not well; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be served, and what was found of each part."""

    ready: bool
    view: dict[str, Any]


class Health:
    """Asks the parts. One an application: a part that still owes an answer is not asked a second time."""

    def __init__(self, runtime: Runtime, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._asked: dict[str, _Question] = {}
        self._checks: Mapping[str, Callable[[], None]] = {
            "database": lambda: _database(runtime),
            "redis": lambda: _redis(runtime.settings.redis_url),
            "object_store": lambda: _object_store(runtime),
            "watcher": lambda: _watcher(runtime),
        }

    def check(self) -> Readiness:
        """Ask every part at once; answers within three seconds whatever they do."""
        end = time.monotonic() + self._seconds
        questions = {name: self._ask(name) for name in self._checks}
        troubles = {name: question.trouble(end) for name, question in questions.items()}
        ready = all(trouble is None for name, trouble in troubles.items() if name not in _NOT_NEEDED)
        whole = all(trouble is None for trouble in troubles.values())
        checks = {name: {"ok": trouble is None, "message": trouble} for name, trouble in troubles.items()}
        state = "ready" if ready else "not_ready"
        return Readiness(ready, {"status": state, "degraded": not whole, "checks": checks})

    def _ask(self, name: str) -> "_Question":
        before = self._asked.get(name)
        if before is not None and before.open:
            return before
        question = _Question(self._checks[name])
        self._asked[name] = question
        return question


class _Question:
    """One part being asked, in a thread that may hang without anyone waiting for it."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._answered = Event()
        self._trouble: str | None = _SILENT
        Thread(target=self._run, daemon=True).start()

    @property
    def open(self) -> bool:
        return not self._answered.is_set()

    def trouble(self, end: float) -> str | None:
        """What is wrong; None when nothing is."""
        self._answered.wait(max(end - time.monotonic(), 0.0))
        return self._trouble

    def _run(self) -> None:
        try:
            self._check()
        except Ailing as error:
            self._trouble = str(error)
        else:
            self._trouble = None
        finally:
            self._answered.set()


def _database(runtime: Runtime) -> None:
    try:
        runtime.database.ping()
    except DATABASE_AWAY as error:
        raise Ailing(
            f"PostgreSQL does not answer ({type(error).__name__}): start it, or correct DARKROOM_DATABASE_URL"
        ) from error


def _redis(url: str | None) -> None:
    if url is None or not urlsplit(url).scheme.startswith(("redis", "unix")):
        return
    options = {"socket_timeout": _SOCKET_SECONDS, "socket_connect_timeout": _SOCKET_SECONDS}
    try:
        with redis.Redis.from_url(url, retry=None, **options) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise Ailing(
            f"Redis does not answer ({type(error).__name__}): start it, or correct DARKROOM_REDIS_URL; "
            "jobs are accepted meanwhile and run once it is back"
        ) from error


def _object_store(runtime: Runtime) -> None:
    try:
        runtime.objects.check()
    except StoreError as error:
        raise Ailing(str(error)) from error


def _watcher(runtime: Runtime) -> None:
    try:
        beat = last_beat(runtime.database, "watcher")
    except DATABASE_AWAY as error:
        raise Ailing("its beat cannot be read while the database does not answer") from error
    if beat is None:
        raise Ailing(f"none has ever run: {_START}")
    silence = runtime.clock() - beat
    if silence > _OLDEST_BEAT:
        raise Ailing(f"the last one was alive {silence.total_seconds():.0f} s ago: {_START}")
