"""Links to files: signed when they are asked for, and only for whom they belong to."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from uuid import UUID, uuid4

import pytest

from services.links import asset_link
from services.refusals import NotFound, Unavailable
from storage.objects.base import StoreUnavailable
from storage.objects.local import LocalStore
from tests.support.engine import Engine
from tests.support.rows import an_asset, keep


def with_file(engine: Engine) -> UUID:
    job_id = engine.running()
    keep(engine.runtime, an_asset(engine.attempt(job_id), n=1, key=f"p/{job_id}/1.png"))
    return job_id


def link(engine: Engine, job_id: UUID, n: int = 1, project_id: UUID | None = None) -> str:
    project = project_id or engine.project_id
    return asset_link(engine.runtime, project_id=project, job_id=job_id, n=n, disposition="attachment")


def test_a_link_names_the_file_after_its_job(engine: Engine) -> None:
    job_id = with_file(engine)
    assert f"{job_id}-1.png" in link(engine, job_id)


def test_a_file_that_is_not_there_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound, match="has no asset 0: it has 1 so far"):
        link(engine, with_file(engine), n=0)


def test_the_files_of_others_are_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no job"):
        link(engine, with_file(engine), project_id=uuid4())


class NoKeyStore(LocalStore):
    """A store that cannot sign: its credentials are gone."""

    def link(self, key: str, **_: object) -> NoReturn:
        raise StoreUnavailable(f"{key}: no credentials")


def test_a_store_that_cannot_sign_is_unavailable(engine: Engine, tmp_path: Path) -> None:
    store = NoKeyStore(tmp_path, b"secret", "http://127.0.0.1")
    broken = replace(engine, runtime=replace(engine.runtime, objects=store))
    with pytest.raises(Unavailable, match="no credentials") as refused:
        link(broken, with_file(engine))
    assert refused.value.code == "store_unavailable"
