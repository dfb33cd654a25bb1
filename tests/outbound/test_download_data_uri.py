import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbound.addresses import PrivateHosts
from outbound.download import Download, Downloader
from tests.outbound.fetching import failure


def base64_uri(content: bytes) -> str:
    return f"data:image/png;base64,{b64encode(content).decode()}"


def percent_uri(content: bytes) -> str:
    return f"DATA:image/PNG,{quote_from_bytes(content, safe='')}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(content=st.binary(max_size=200), write=st.sampled_from([base64_uri, percent_uri]))
def test_a_data_uri_is_decoded(
    downloader: Downloader, into: Path, content: bytes, write: Callable[[bytes], str]
) -> None:
    got = downloader.fetch(write(content), into)
    assert got == Download(into, len(content), hashlib.sha256(content).hexdigest(), "image/png")
    assert into.read_bytes() == content


@pytest.mark.parametrize(
    ("uri", "content", "content_type"),
    [
        ("data:,a%20b", b"a b", "text/plain"),
        ("data:;base64,YWI", b"ab", "text/plain"),
        ("data:image/png;name=a.png;BASE64,YW\nJj", b"abc", "image/png"),
        ("data:image/png;base64,-_-_", b"\xfb\xff\xbf", "image/png"),
        ("data:image/png;base64,YWI%3D", b"ab", "image/png"),
    ],
)
def test_data_uris_are_read_as_they_are_met(
    downloader: Downloader, into: Path, uri: str, content: bytes, content_type: str
) -> None:
    assert downloader.fetch(uri, into).content_type == content_type
    assert into.read_bytes() == content


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("data:image/png;base64", "has no comma before its data"),
        ("data:image/png;base64,a", "is not valid base64"),
        ("data:image/png;base64,??!!", "is not valid base64"),
        (base64_uri(b"x" * 1001), "has more bytes (1001) than the limit of 1000"),
    ],
)
def test_a_data_uri_that_cannot_be_used_is_final(into: Path, uri: str, reason: str) -> None:
    found = failure(Downloader(PrivateHosts(), max_bytes=1000), uri, into)
    assert (found.retryable, found.place) == (False, "data: URI")
    assert reason in found.reason
