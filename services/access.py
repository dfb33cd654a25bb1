"""Who may do what: projects, their keys, and the secret that signs their callbacks."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from threading import Lock
from typing import Any, Final
from uuid import UUID

from outbound.callbacks import new_secret
from services.refusals import Conflict, NotFound
from services.runtime import Runtime
from services.views import timestamp
from storage import access
from storage.database import Session
from storage.records import ApiKeyRecord, ProjectRecord
from storage.records.columns import new_id

FIRST_PROJECT: Final = "default"
_PREFIX: Final = "dk_"
_SECRET_BYTES: Final = 32
_SHOWN: Final = 9
_LONGEST: Final = 200
_REMEMBER_SECONDS: Final = 5.0
_REMEMBER_MOST: Final = 1024


class Scope(StrEnum):
    """What a key is good for; each includes the ones before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"

    def covers(self, needed: "Scope") -> bool:
        """Whether a key of this scope may do what needs ``needed``."""
        return _ORDER[self] >= _ORDER[needed]


_ORDER: Final = {scope: place for place, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key, and the project that it sees."""

    key_id: UUID
    project_id: UUID
    scope: Scope
    first_project: bool


class KeyRing:
    """Recognises keys, and remembers those that are good for five seconds: so long may a revoked one live.

    Safe to use from several threads.
    """

    def __init__(
        self, runtime: Runtime, *, clock: Callable[[], float] = time.monotonic, most: int = _REMEMBER_MOST
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._most = most
        self._lock = Lock()
        self._remembered: dict[str, tuple[Caller, float]] = {}

    def remembered(self, key: str) -> Caller | None:
        """The caller, if the key was looked up just now; asks nobody."""
        with self._lock:
            found = self._remembered.get(_hash(key))
        return found[0] if found is not None and self._clock() < found[1] else None

    def look_up(self, key: str) -> Caller | None:
        """The caller, by the database; None for a key that is unknown or revoked."""
        if not key.startswith(_PREFIX) or len(key) > _LONGEST:
            return None
        hashed = _hash(key)
        with self._runtime.database.work() as session:
            found = access.key_by_hash(session, hashed)
        if found is None:
            return None
        record, project = found
        caller = Caller(record.id, project.id, Scope(record.scope), project.name == FIRST_PROJECT)
        self._remember(hashed, caller)
        return caller

    def forget(self) -> None:
        """Ask the database again about every key."""
        with self._lock:
            self._remembered.clear()

    def _remember(self, hashed: str, caller: Caller) -> None:
        with self._lock:
            if len(self._remembered) >= self._most:
                self._remembered.clear()
            self._remembered[hashed] = (caller, self._clock() + _REMEMBER_SECONDS)


def create_project(runtime: Runtime, *, name: str) -> dict[str, Any]:
    """A new project with its first admin key, which is shown here and never again.

    Raises:
        Conflict: the name is taken.
    """
    record = ProjectRecord(
        name=name, signing_secret=runtime.secrets.seal(new_secret()), created_at=runtime.clock()
    )
    with runtime.database.work() as session:
        if not access.add_project(session, record):
            raise Conflict(f"there is a project named {name!r} already", code="name_taken", field="name")
        key = _add_key(runtime, session, record.id, "first key", Scope.ADMIN)
    return _project_view(record) | {"api_key": key}


def projects(runtime: Runtime, caller: Caller) -> dict[str, Any]:
    """Every project for a key of the first one; for any other key its own."""
    with runtime.database.work() as session:
        if caller.first_project:
            found = list(access.projects(session))
        else:
            found = [access.project(session, caller.project_id)]
    return {"object": "list", "data": [_project_view(one) for one in found]}


def create_key(runtime: Runtime, *, project_id: UUID, name: str, scope: Scope) -> dict[str, Any]:
    """A new key of the project; ``key`` is shown here and never again."""
    with runtime.database.work() as session:
        return _add_key(runtime, session, project_id, name, scope)


def keys(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """The keys of a project, by the part of them that may be shown."""
    with runtime.database.work() as session:
        found = access.keys_of(session, project_id)
    return {"object": "list", "data": [_key_view(one) for one in found]}


def revoke_key(runtime: Runtime, *, project_id: UUID, key_id: UUID) -> None:
    """Make a key useless; again does nothing.

    Raises:
        NotFound: the project has no such key.
        Conflict: it is the project's last admin key, without which nobody could make another.
    """
    with runtime.database.work() as session:
        access.lock_project(session, project_id)
        record = access.key_of_project(session, project_id, key_id)
        if record is None:
            raise NotFound(f"there is no key {key_id} in this project")
        admin = record.scope == Scope.ADMIN and record.revoked_at is None
        if admin and access.good_keys(session, project_id, Scope.ADMIN) == 1:
            raise Conflict(
                "this is the project's last admin key: make another admin key first", code="last_admin_key"
            )
        access.revoke(session, key_id, runtime.clock())


def signing_secret(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """The secret that signs the project's callbacks."""
    with runtime.database.work() as session:
        record = access.project(session, project_id)
    return {"object": "signing_secret", "secret": runtime.secrets.open(record.signing_secret)}


def _add_key(runtime: Runtime, session: Session, project_id: UUID, name: str, scope: Scope) -> dict[str, Any]:
    key = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    record = ApiKeyRecord(
        id=new_id(),
        project_id=project_id,
        name=name,
        prefix=key[:_SHOWN],
        key_hash=_hash(key),
        scope=scope,
        created_at=runtime.clock(),
    )
    access.add_key(session, record)
    return _key_view(record) | {"key": key}


def _hash(key: str) -> str:
    # 256 random bits need no salt and no slow hash: there is nothing to guess.
    return sha256(key.encode()).hexdigest()


def _project_view(record: ProjectRecord) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "object": "project",
        "name": record.name,
        "created_at": timestamp(record.created_at),
    }


def _key_view(record: ApiKeyRecord) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "object": "api_key",
        "name": record.name,
        "prefix": record.prefix,
        "scope": str(record.scope),
        "created_at": timestamp(record.created_at),
        "revoked_at": timestamp(record.revoked_at),
    }
