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
from cli.diagnosis import Diagnosis, State, fail, ok, warn
from services.build import build
from services.health import Health
from services.runtime import Runtime
from services.settings import SettingMissing
from storage.objects.base import ObjectStore, StoreError

_OLDEST_POSTGRES: Final = 150_000
_REVISION: Final = re.compile(r'^(down_revision|revision)\b[^=\n]*=\s*"([^"]+)"', re.MULTILINE)
_PROBE: Final = b"darkroom doctor was here"
_PROBE_KEY: Final = "doctor/probe.txt"
_SECONDS: Final = 5
_DURABLE: Final = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def examine_parts(situation: Situation, *, running: bool) -> Iterator[Diagnosis]:
    """Each part in turn; an embedded one is down without fault while the stack does not run."""
    try:
        runtime = build(situation.settings)
    except (SettingMissing, ValueError) as error:
        yield fail("settings", str(error), "correct it: .env.example explains every setting")
        return
    resting = {"database", "schema", "watcher"} if situation.plan.database and not running else set()
    resting |= {"redis"} if situation.plan.redis and not running else set()
    with closing(runtime.database):
        for diagnosis in (*_database(runtime), *_redis(runtime), *_object_store(runtime)):
            yield _at_rest(diagnosis) if diagnosis.part in resting else diagnosis


def _at_rest(diagnosis: Diagnosis) -> Diagnosis:
    """What fails only because the stack does not run."""
    if diagnosis.state is not State.FAIL:
        return diagnosis
    return warn(diagnosis.part, "embedded, and not running", "start the stack: `darkroom up`")


def _database(runtime: Runtime) -> Iterable[Diagnosis]:
    """The database, its schema, and the watcher, whose beat is written there."""
    try:
        with psycopg.connect(runtime.database.conninfo, connect_timeout=_SECONDS) as connection:
            server, at = connection.info.server_version, _revisions(connection)
    except psycopg.Error as error:
        remedy = "start it, or correct DARKROOM_DATABASE_URL"
        yield fail("database", f"PostgreSQL does not answer ({type(error).__name__})", remedy)
        yield fail("watcher", "its beat cannot be read without the database", "mend the database first")
        return
    major = f"PostgreSQL {server // 10_000}"
    too_old = server < _OLDEST_POSTGRES
    yield fail("database", major, "use PostgreSQL 15 or newer") if too_old else ok("database", major)
    newest = newest_revisions()
    if at == newest:
        yield ok("schema", f"at the newest, {_listed(newest)}")
        yield _watcher(runtime)
    else:
        found = f"at {_listed(at) or 'nothing'}, not at {_listed(newest)}"
        yield fail("schema", found, "bring it there: `python -m storage.migrate`")


def _revisions(connection: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    if there is None or there[0] is None:
        return set()
    return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


def _listed(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions))


def _watcher(runtime: Runtime) -> Diagnosis:
    message = Health(runtime).check().view["checks"]["watcher"]["message"]
    if message is None:
        return ok("watcher", "alive")
    found, _, remedy = message.partition(": ")
    return fail("watcher", found, remedy)


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
        with redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
            version = client.info("server")["redis_version"]
            told = _durability(client)
    except redis.RedisError as error:
        remedy = "start it, or correct DARKROOM_REDIS_URL"
        yield fail("redis", f"Redis does not answer ({type(error).__name__})", remedy)
        return
    lacking = [f"{name} {wanted}" for name, wanted in _DURABLE.items() if told.get(name) != wanted]
    if lacking:
        remedy = f"set {', '.join(lacking)}: what it forgets is only found again later, nothing is lost"
        yield warn("redis", f"{version}, may forget tasks", remedy)
    else:
        yield ok("redis", f"{version}, keeps what it holds")


def _durability(client: redis.Redis) -> dict[str, str]:
    """How it keeps what it holds; where a hosted Redis does not tell, it is taken to be as it should."""
    try:
        return {str(name): str(value) for name, value in client.config_get(*_DURABLE).items()}
    except redis.ResponseError:
        return dict(_DURABLE)


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
