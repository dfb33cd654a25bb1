"""Taking batches in where something goes wrong, or somebody else is faster."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pytest
from sqlmodel import select

from domain.sheets.defaults import RowDefaults
from services.batches.sheet_files import SheetFile
from services.batches.uploading import Order, Taken, take
from services.refusals import Unavailable, Unprocessable
from storage.objects.base import Disposition, ObjectStat, ObjectStore, StoreUnavailable
from storage.records import BatchRecord
from tests.support.engine import Engine

SHEET = b"prompt,model\na red kite,pair\n"


class _Store:
    """A store in whose calls something else happens first."""

    def __init__(self, store: ObjectStore, *, first: Callable[[], None], delete: bool = True) -> None:
        self._store = store
        self._first = first
        self._delete = delete
        self.deleted: list[str] = []

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        self._first()
        self._store.put(key, path, content_type=content_type, sha256=sha256)

    def delete(self, key: str) -> None:
        if not self._delete:
            raise StoreUnavailable("away by script")
        self.deleted.append(key)
        self._store.delete(key)

    def link(
        self, key: str, *, expires_seconds: int, filename: str, disposition: Disposition, content_type: str
    ) -> str:
        return self._store.link(
            key,
            expires_seconds=expires_seconds,
            filename=filename,
            disposition=disposition,
            content_type=content_type,
        )

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        return self._store.open(key)

    def stat(self, key: str) -> ObjectStat | None:
        return self._store.stat(key)

    def check(self) -> None:
        self._store.check()


@pytest.fixture
def file(tmp_path: Path) -> SheetFile:
    path = tmp_path / "sheet.csv"
    path.write_bytes(SHEET)
    return SheetFile(path, len(SHEET), sha256(SHEET).hexdigest())


def order(engine: Engine, key: str | None = "once", name: str | None = None) -> Order:
    return Order(engine.project_id, RowDefaults(), key=key, name=name)


def batch_ids(engine: Engine) -> list[UUID]:
    with engine.runtime.database.work() as session:
        return list(session.exec(select(BatchRecord.id)))


def away() -> None:
    raise StoreUnavailable("the disk is not there")


def test_a_store_that_is_away_makes_no_batch(engine: Engine, file: SheetFile) -> None:
    runtime = replace(engine.runtime, objects=_Store(engine.runtime.objects, first=away))
    with pytest.raises(
        Unavailable, match="the file cannot be kept just now: the disk is not there"
    ) as refused:
        take(runtime, order(engine), file)
    assert refused.value.code == "store_unavailable"
    assert batch_ids(engine) == []


@pytest.mark.parametrize("removable", [True, False])
def test_of_two_with_the_same_key_the_second_answers_the_first_ones_batch(
    engine: Engine,
    file: SheetFile,
    removable: bool,  # noqa: FBT001 - a case
) -> None:
    made: list[Taken] = []
    store = _Store(
        engine.runtime.objects,
        first=lambda: made.append(take(engine.runtime, order(engine), file)),
        delete=removable,
    )
    second = take(replace(engine.runtime, objects=store), order(engine), file)
    assert second.replayed
    assert [second.view["id"]] == [one.view["id"] for one in made]
    assert batch_ids(engine) == [UUID(second.view["id"])]
    assert len(store.deleted) == removable
    assert all(engine.runtime.objects.stat(key) is None for key in store.deleted)


def test_of_two_with_the_same_key_and_another_order_the_second_is_refused(
    engine: Engine, file: SheetFile
) -> None:
    def overtake() -> None:
        take(engine.runtime, order(engine, name="other"), file)

    store = _Store(engine.runtime.objects, first=overtake)
    with pytest.raises(Unprocessable) as refused:
        take(replace(engine.runtime, objects=store), order(engine), file)
    assert refused.value.code == "idempotency_mismatch"
    assert len(store.deleted) == 1


def test_many_at_once_with_one_key_make_one_batch(engine: Engine, file: SheetFile) -> None:
    together = threading.Barrier(4)

    def at_once(_: int) -> Taken:
        together.wait()
        return take(engine.runtime, order(engine), file)

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(at_once, range(4)))
    assert sorted(one.replayed for one in taken) == [False, True, True, True]
    assert len({one.view["id"] for one in taken}) == 1
    root = engine.runtime.settings.data_dir / "objects" / "objects" / "batches"
    assert [path.parent.name for path in root.glob("*/upload.csv")] == [str(batch_ids(engine)[0])]


def test_without_a_key_each_upload_is_a_batch_of_its_own(engine: Engine, file: SheetFile) -> None:
    for _ in range(2):
        assert not take(engine.runtime, order(engine, key=None), file).replayed
    assert len(batch_ids(engine)) == 2
