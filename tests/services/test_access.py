"""Keys: what they cover, how they are kept, and how long they are remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services import access
from services.access import FIRST_PROJECT, KeyRing, Scope
from services.refusals import Conflict
from services.runtime import Runtime
from storage.access import keys_of
from storage.access import project as project_row
from tests.support.front import Project, new_project, running_parts


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    with running_parts(database_url, tmp_path) as parts:
        yield parts


@pytest.fixture
def project(runtime: Runtime) -> Project:
    return new_project(runtime)


def new_key(project: Project, scope: Scope = Scope.READ) -> str:
    made = access.create_key(project.runtime, project_id=project.id, name="test", scope=scope)
    key: str = made["key"]
    return key


@pytest.mark.parametrize("has", Scope)
@pytest.mark.parametrize("needed", Scope)
def test_each_scope_covers_itself_and_the_smaller_ones(has: Scope, needed: Scope) -> None:
    covered = {
        Scope.READ: {Scope.READ},
        Scope.SUBMIT: {Scope.READ, Scope.SUBMIT},
        Scope.ADMIN: {Scope.READ, Scope.SUBMIT, Scope.ADMIN},
    }
    assert has.covers(needed) is (needed in covered[has])


def test_a_key_is_kept_as_a_hash_only(project: Project) -> None:
    key = new_key(project)
    with project.runtime.database.work() as session:
        rows = keys_of(session, project.id)
    assert all(key not in row.model_dump_json() for row in rows)
    assert any(key.startswith(row.prefix) and len(row.prefix) < 10 for row in rows)


def test_no_two_keys_are_alike(project: Project) -> None:
    assert len({new_key(project) for _ in range(20)}) == 20


def test_a_ring_remembers_for_five_seconds(project: Project) -> None:
    now = 100.0
    ring = KeyRing(project.runtime, clock=lambda: now)
    key = new_key(project)
    assert ring.remembered(key) is None
    caller = ring.look_up(key)
    assert caller is not None
    assert (caller.project_id, caller.scope, caller.first_project) == (project.id, Scope.READ, False)
    now = 104.9
    assert ring.remembered(key) == caller
    now = 105.0
    assert ring.remembered(key) is None


def test_a_ring_forgets_when_told(project: Project) -> None:
    ring = KeyRing(project.runtime)
    key = new_key(project)
    ring.look_up(key)
    ring.forget()
    assert ring.remembered(key) is None


def test_a_ring_does_not_grow_without_bound(project: Project) -> None:
    ring = KeyRing(project.runtime, most=2)
    keys = [new_key(project) for _ in range(3)]
    for key in keys:
        ring.look_up(key)
    assert [ring.remembered(key) is not None for key in keys] == [False, False, True]


@pytest.mark.parametrize("key", ["", "dk_", "dk_unknown", "sk_other", "dk_" + "x" * 500, "dk_\0"])
def test_a_stranger_is_nobody(runtime: Runtime, key: str) -> None:
    assert KeyRing(runtime).look_up(key) is None


def test_a_revoked_key_is_nobody(project: Project) -> None:
    made = access.create_key(project.runtime, project_id=project.id, name="test", scope=Scope.READ)
    access.revoke_key(project.runtime, project_id=project.id, key_id=made["id"])
    access.revoke_key(project.runtime, project_id=project.id, key_id=made["id"])
    assert KeyRing(project.runtime).look_up(made["key"]) is None


def test_the_first_project_is_known_by_its_name(runtime: Runtime) -> None:
    made = access.create_project(runtime, name=FIRST_PROJECT)
    caller = KeyRing(runtime).look_up(made["api_key"]["key"])
    assert caller is not None
    assert (caller.first_project, caller.scope) == (True, Scope.ADMIN)
    with pytest.raises(Conflict, match="already"):
        access.create_project(runtime, name=FIRST_PROJECT)


def test_a_signing_secret_is_sealed_at_rest(project: Project) -> None:
    secret = access.signing_secret(project.runtime, project.id)["secret"]
    assert secret.startswith("whsec_")
    with project.runtime.database.work() as session:
        assert secret.encode() not in project_row(session, project.id).signing_secret
