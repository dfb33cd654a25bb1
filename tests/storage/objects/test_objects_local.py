"""What only the store on a local directory can show: its links, its files, its disk."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.objects.base import Disposition, NoSuchObject, StoreRefused, StoreUnavailable, WrongBytes
from storage.objects.links import LinkExpired, LinkInvalid, LinkSigner, LocalLink
from storage.objects.local import LocalStore

KEY = "default/2026/11/22/job/0.png"
MINUTE = 60
Params = dict[str, str]


def put(store: LocalStore, path: Path, content: bytes = b"bytes") -> None:
    path.write_bytes(content)
    store.put(KEY, path, content_type="image/png", sha256=hashlib.sha256(content).hexdigest())


def link(store: LocalStore, disposition: Disposition = "inline") -> httpx.URL:
    return httpx.URL(
        store.link(
            KEY, expires_seconds=MINUTE, filename="a.png", disposition=disposition, content_type="image/png"
        )
    )


def later(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_link_grants_its_object_until_it_expires(local_store: LocalStore) -> None:
    url = link(local_store)
    params = dict(url.params)
    assert (url.host, url.path) == ("files.test", f"/files/{KEY}")
    granted = LocalLink(KEY, "image/png", 'inline; filename="a.png"')
    assert local_store.verify(KEY, params, later(MINUTE - 5)) == granted
    with pytest.raises(LinkExpired, match="ask for a new one"):
        local_store.verify(KEY, params, later(MINUTE + 5))


def test_a_link_for_download_says_so(local_store: LocalStore) -> None:
    params = dict(link(local_store, "attachment").params)
    assert local_store.verify(KEY, params, later(0)).content_disposition == 'attachment; filename="a.png"'


@pytest.mark.parametrize(
    "change",
    [
        lambda params: params | {"expires": "9999999999"},
        lambda params: params | {"disposition": "attachment"},
        lambda params: params | {"type": "text/html"},
        lambda params: params | {"filename": "b.png"},
        lambda params: params | {"signature": "0" * 64},
        lambda params: params | {"signature": "ä"},
        lambda params: params | {"more": "1"},
        lambda params: {name: value for name, value in params.items() if name != "signature"},
        lambda params: {name: value for name, value in params.items() if name != "type"},
        lambda _: {},
    ],
)
def test_a_link_that_was_changed_is_invalid(
    local_store: LocalStore, change: Callable[[Params], Params]
) -> None:
    with pytest.raises(LinkInvalid, match="changed"):
        local_store.verify(KEY, change(dict(link(local_store).params)), later(0))


def test_a_link_does_not_open_another_object(local_store: LocalStore) -> None:
    with pytest.raises(LinkInvalid):
        local_store.verify(KEY.replace("0.png", "1.png"), dict(link(local_store).params), later(0))


def test_a_link_of_another_secret_is_invalid(tmp_path: Path, local_store: LocalStore) -> None:
    other = LocalStore(tmp_path, b"another secret", "http://files.test")
    with pytest.raises(LinkInvalid):
        local_store.verify(KEY, dict(link(other).params), later(0))


@given(st.text(), st.text(), st.text(), st.text())
def test_no_two_links_share_a_signature(name: str, other_name: str, kind: str, other_kind: str) -> None:
    signer = LinkSigner(b"secret", "http://files.test")
    first, second = (
        signer.link(KEY, expires=1, filename=filename, disposition="inline", content_type=content_type)
        for filename, content_type in ((name, kind), (other_name, other_kind))
    )
    same = (name, kind) == (other_name, other_kind)
    assert (first.rpartition("signature=")[2] == second.rpartition("signature=")[2]) == same


def test_the_path_of_an_object_leads_to_its_bytes(local_store: LocalStore, tmp_path: Path) -> None:
    put(local_store, tmp_path / "asset")
    assert local_store.path(KEY).read_bytes() == b"bytes"
    with pytest.raises(NoSuchObject):
        local_store.path("other.png")


def test_a_refused_file_leaves_nothing_on_the_disk(local_store: LocalStore, tmp_path: Path) -> None:
    path = tmp_path / "asset"
    path.write_bytes(b"bytes")
    with pytest.raises(WrongBytes):
        local_store.put(KEY, path, content_type="image/png", sha256="0" * 64)
    assert [found for found in (tmp_path / "store").rglob("*") if found.is_file()] == []


def test_bytes_without_their_facts_count_as_not_stored(local_store: LocalStore, tmp_path: Path) -> None:
    put(local_store, tmp_path / "asset")
    (tmp_path / "store" / "facts" / f"{KEY}.json").unlink()
    assert local_store.stat(KEY) is None
    put(local_store, tmp_path / "asset")
    assert local_store.stat(KEY) is not None


def test_bytes_of_another_length_than_their_facts_count_as_not_stored(
    local_store: LocalStore, tmp_path: Path
) -> None:
    put(local_store, tmp_path / "asset")
    local_store.path(KEY).write_bytes(b"half")
    assert local_store.stat(KEY) is None


def test_a_check_leaves_nothing_behind(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.check()
    assert list((tmp_path / "store").iterdir()) == []


def test_a_place_that_is_no_directory_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / "file" / "store", b"secret", "http://files.test")
    with pytest.raises(StoreUnavailable, match=r"file/store cannot be used: .*Not a directory"):
        store.check()


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Root may write anywhere, so root becomes nobody meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_directory_without_permission_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with an_ordinary_user(), pytest.raises(StoreRefused, match="let this user write under"):
        LocalStore(tmp_path / "locked", b"secret", "http://files.test").check()
