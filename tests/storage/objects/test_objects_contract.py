"""One contract, kept by every store."""

import hashlib
import os
import uuid
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from storage.objects.base import (
    LONGEST_LINK_SECONDS,
    Disposition,
    NoSuchObject,
    ObjectStat,
    ObjectStore,
    WrongBytes,
)


class MakeFile(Protocol):
    def __call__(self, content: bytes) -> tuple[Path, str]: ...


@pytest.fixture(params=["local_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    def make(content: bytes) -> tuple[Path, str]:
        path = tmp_path / uuid.uuid4().hex
        path.write_bytes(content)
        return path, hashlib.sha256(content).hexdigest()

    return make


@pytest.fixture
def key() -> str:
    return f"default/2026/11/22/{uuid.uuid4()}/0.png"


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [0, 5, 1024 * 1024, 16 * 1024 * 1024, 33 * 1024 * 1024 + 1])
def test_what_was_put_is_read_back(store: ObjectStore, make_file: MakeFile, key: str, size: int) -> None:
    content = os.urandom(size)
    path, sha256 = make_file(content)
    store.put(key, path, content_type="image/png", sha256=sha256)
    assert read(store, key) == content
    assert store.stat(key) == ObjectStat(size, "image/png")


def test_a_stream_is_read_in_pieces(store: ObjectStore, make_file: MakeFile, key: str) -> None:
    path, sha256 = make_file(b"abcdefgh" * 1000)
    store.put(key, path, content_type="image/png", sha256=sha256)
    with store.open(key) as stream:
        assert [stream.read(3), stream.read(5)] == [b"abc", b"defgh"]


def test_putting_the_same_again_changes_nothing(store: ObjectStore, make_file: MakeFile, key: str) -> None:
    path, sha256 = make_file(b"paid for once")
    store.put(key, path, content_type="image/png", sha256=sha256)
    store.put(key, path, content_type="image/png", sha256=sha256)
    assert read(store, key) == b"paid for once"


def test_putting_other_bytes_replaces_the_object(store: ObjectStore, make_file: MakeFile, key: str) -> None:
    for content, content_type in ((b"first", "image/png"), (b"other", "image/jpeg")):
        path, sha256 = make_file(content)
        store.put(key, path, content_type=content_type, sha256=sha256)
    assert read(store, key) == b"other"
    assert store.stat(key) == ObjectStat(5, "image/jpeg")


@pytest.mark.parametrize("size", [100, 17 * 1024 * 1024])
def test_a_file_that_does_not_match_its_sha256_is_not_stored(
    store: ObjectStore, make_file: MakeFile, key: str, size: int
) -> None:
    path, _ = make_file(os.urandom(size))
    with pytest.raises(WrongBytes, match="SHA-256"):
        store.put(key, path, content_type="image/png", sha256="0" * 64)
    assert store.stat(key) is None


def test_nothing_is_known_of_an_object_that_was_never_put(store: ObjectStore, key: str) -> None:
    assert store.stat(key) is None
    with pytest.raises(NoSuchObject, match="nothing is stored"), store.open(key):
        pass


def test_a_deleted_object_is_gone_and_can_be_deleted_again(
    store: ObjectStore, make_file: MakeFile, key: str
) -> None:
    path, sha256 = make_file(b"bytes")
    store.put(key, path, content_type="image/png", sha256=sha256)
    store.delete(key)
    store.delete(key)
    assert store.stat(key) is None


@pytest.mark.parametrize(
    "bad", ["", "/etc/passwd", "a/../../b", "a//b", ".hidden", "a/.b", "a/b\0", "a b", "ä", "a/"]
)
def test_a_key_cannot_leave_its_place(store: ObjectStore, make_file: MakeFile, bad: str) -> None:
    path, sha256 = make_file(b"bytes")
    with pytest.raises(ValueError, match="not an object key"):
        store.put(bad, path, content_type="image/png", sha256=sha256)
    with pytest.raises(ValueError, match="not an object key"):
        store.link(bad, expires_seconds=60, filename="a", disposition="inline", content_type="image/png")
    for call in (store.stat, store.delete):
        with pytest.raises(ValueError, match="not an object key"):
            call(bad)


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_LINK_SECONDS + 1])
def test_a_link_lasts_a_week_at_most(store: ObjectStore, key: str, seconds: int) -> None:
    with pytest.raises(ValueError, match="a link lasts from 1 to 604800 seconds"):
        store.link(key, expires_seconds=seconds, filename="a", disposition="inline", content_type="image/png")


@pytest.mark.parametrize("disposition", ["inline", "attachment"])
def test_a_link_names_the_key_and_carries_a_signature(
    store: ObjectStore, key: str, disposition: Disposition
) -> None:
    url = store.link(
        key, expires_seconds=60, filename="kite.png", disposition=disposition, content_type="image/png"
    )
    assert key in httpx.URL(url).path
    assert "signature=" in url.lower()


def test_a_usable_store_passes_its_check(store: ObjectStore) -> None:
    store.check()
