"""The doctor's look at database, Redis, object store and watcher: asked directly, so the API may be down."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

from cli.checked_settings import Situation
from cli.diagnosis import Diagnosis, fail, ok, warn
from services.build import build
from services.health import Health
from services.runtime import Runtime
from services.settings import SettingMissing
from storage.objects.base import ObjectStore, StoreError

_UP: Final = "start the stack: `darkroom up`"
_OLDEST_POSTGRES: Final = 150_000
_REVISION: Final = re.compile(r'^(down_revision|revision)\b[^=\n]*=\s*"([^"]+)"', re.MULTILINE)
_PROBE: Final = b"darkroom doctor was here"
_PROBE_KEY: Final = "doctor/probe.txt"
_CONNECT_SECONDS: Final = 5
_DURABLE: Final = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def examine_parts(situation: Situation, *, running: bool) -> Iterator[Diagnosis]:
    """Each part in turn; an embedded one is down without fault while the stack does not run."""
    try:
        runtime = build(situation.settings)
    except (SettingMissing, ValueError) as error:
        yield fail("settings", str(error), "correct it: .env.example explains every setting")
        return
    with closing(runtime.database):
        health = Health(runtime).check().view["checks"]
        for name, deeper in _DEEPER.items():
            message = health[name]["message"]
            if message is None:
                yield from deeper(runtime)
            elif _embedded(situation, name) and not running:
                yield warn(_part(name), "embedded, and not running", _UP)
            else:
                yield _ailing(name, message, situation)


def _embedded(situation: Situation, name: str) -> bool:
    own = {"database": situation.plan.database, "redis": situation.plan.redis}
    return own.get(name, situation.plan.database)


def _ailing(name: str, message: str, situation: Situation) -> Diagnosis:
    found, _, remedy = message.partition(": ")
    return fail(_part(name), found, _UP if _embedded(situation, name) else remedy or "see its own log")


def _part(name: str) -> str:
    return name.replace("_", " ")


def _database(runtime: Runtime) -> Iterable[Diagnosis]:
    with psycopg.connect(runtime.database.conninfo, connect_timeout=_CONNECT_SECONDS) as connection:
        server = connection.info.server_version
        there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        found = connection.execute("SELECT version_num FROM alembic_version") if there and there[0] else ()
        at = {row[0] for row in found}
    major = f"PostgreSQL {server // 10_000}"
    if server < _OLDEST_POSTGRES:
        yield fail("database", major, "use PostgreSQL 15 or newer")
    else:
        yield ok("database", major)
    newest = newest_revisions()
    if at == newest:
        yield ok("schema", f"at the newest, {', '.join(sorted(newest))}")
    else:
        has = ", ".join(sorted(at)) or "nothing"
        wanted = ", ".join(sorted(newest))
        yield fail("schema", f"at {has}, not at {wanted}", "bring it there: `python -m storage.migrate`")


def newest_revisions() -> set[str]:
    """The newest schema of this installation: the migrations that no other builds on."""
    found = find_spec("migrations")
    folders = found.submodule_search_locations if found is not None else None
    texts = [path.read_text(encoding="utf-8") for path in Path((folders or [""])[0]).glob("versions/*.py")]
    named = [match.groups() for text in texts for match in _REVISION.finditer(text)]
    built_on = {revision for kind, revision in named if kind == "down_revision"}
    return {revision for kind, revision in named if kind == "revision"} - built_on


def _redis(runtime: Runtime) -> Iterable[Diagnosis]:
    url = runtime.settings.redis_url or ""
    if not url.startswith(("redis", "unix")):
        yield ok("redis", "another broker is used")
        return
    try:
        with redis.Redis.from_url(url, socket_timeout=_CONNECT_SECONDS) as client:
            version = client.info("server")["redis_version"]
            told: dict[str, Any] = client.config_get(*_DURABLE)
    except redis.RedisError:
        yield ok("redis", "answers; it does not tell how it keeps what it holds")
        return
    lacking = [f"{name} {wanted}" for name, wanted in _DURABLE.items() if told.get(name) != wanted]
    if lacking:
        remedy = f"set {', '.join(lacking)}: what it forgets is only found again later, nothing is lost"
        yield warn("redis", f"{version}, may forget tasks", remedy)
    else:
        yield ok("redis", f"{version}, keeps what it holds")


def _object_store(runtime: Runtime) -> Iterable[Diagnosis]:
    try:
        _round_trip(runtime.objects)
    except StoreError as error:
        yield fail("object store", str(error), "allow put, get and delete there")
    else:
        where = runtime.settings.s3_bucket or runtime.settings.data_dir / "objects"
        yield ok("object store", f"put, got and deleted a file in {where}")


def _round_trip(objects: ObjectStore) -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        path = Path(folder) / "probe.txt"
        path.write_bytes(_PROBE)
        digest = hashlib.sha256(_PROBE).hexdigest()
        objects.put(_PROBE_KEY, path, content_type="text/plain", sha256=digest)
    try:
        with objects.open(_PROBE_KEY) as stream:
            back = stream.read()
    finally:
        objects.delete(_PROBE_KEY)
    if back != _PROBE:
        raise StoreError(f"{_PROBE_KEY}: {len(back)} other bytes came back than were put")


def _watcher(_: Runtime) -> Iterable[Diagnosis]:
    yield ok("watcher", "alive")


_DEEPER: Final = {
    "database": _database,
    "redis": _redis,
    "object_store": _object_store,
    "watcher": _watcher,
}
