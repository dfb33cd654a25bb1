"""What only a store on S3 can show: signatures, access, and a store that is not there."""

import base64
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

import boto3
import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from storage.objects.base import StoreRefused, StoreUnavailable, WrongBytes
from storage.objects.s3 import PART_BYTES, S3Store
from tests.support.credentials import without_credentials
from tests.support.raw_server import raw_server
from tests.support.seaweed import SeaweedServer, free_ports

CONTENT = b"\x89PNG bytes enough for a range"


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def stored(s3_store: S3Store, tmp_path: Path) -> str:
    path = tmp_path / "asset"
    path.write_bytes(CONTENT)
    key = f"default/2026/11/22/{uuid.uuid4()}/0.png"
    s3_store.put(key, path, content_type="image/png", sha256=sha256_of(CONTENT))
    return key


def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret")


def store_at(server: HTTPServer, region: str | None = None) -> S3Store:
    return S3Store("assets", endpoint_url=server.url_for(""), region=region, session=session())


def link_to(store: S3Store, key: str, expires_seconds: int = 60) -> str:
    return store.link(
        key,
        expires_seconds=expires_seconds,
        filename="röd kite.png",
        disposition="attachment",
        content_type="image/png",
    )


def test_a_link_gives_the_bytes_with_name_and_type(s3_store: S3Store, stored: str) -> None:
    answer = httpx.get(link_to(s3_store, stored), timeout=60)
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"r_d kite.png\"; filename*=UTF-8''r%C3%B6d%20kite.png"
    )


def test_a_link_gives_a_range(s3_store: S3Store, stored: str) -> None:
    answer = httpx.get(link_to(s3_store, stored), headers={"Range": "bytes=1-3"}, timeout=60)
    assert (answer.status_code, answer.content) == (206, b"PNG")


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.copy_merge_params({"response-content-type": "text/html"}),
        lambda url: url.copy_merge_params({"X-Amz-Expires": "3600"}),
        lambda url: url.copy_with(path=url.path.replace("0.png", "1.png")),
        lambda url: url.copy_with(query=None),
    ],
    ids=["type", "expiry", "key", "no signature"],
)
def test_a_link_that_was_changed_is_refused(
    s3_store: S3Store, stored: str, change: Callable[[httpx.URL], httpx.URL]
) -> None:
    assert httpx.get(change(httpx.URL(link_to(s3_store, stored))), timeout=60).status_code == 403


def test_a_link_that_has_expired_is_refused(s3_store: S3Store, stored: str) -> None:
    url = link_to(s3_store, stored, expires_seconds=1)
    end, status = monotonic() + 60, 200
    pause = Event()
    while status == 200 and monotonic() < end:
        pause.wait(0.1)
        status = httpx.get(url, timeout=60).status_code
    assert status == 403


def test_a_large_object_that_is_there_is_not_sent_again(tmp_path: Path, httpserver: HTTPServer) -> None:
    path = tmp_path / "asset"
    content = bytes(PART_BYTES)
    path.write_bytes(content)
    facts = {"Content-Length": str(PART_BYTES), "x-amz-meta-sha256": sha256_of(content)}
    # The only request that is answered is the HEAD: an upload would fail.
    httpserver.expect_request("/assets/a.png", method="HEAD").respond_with_response(
        Response(headers=facts, content_type="image/png")
    )
    store_at(httpserver).put("a.png", path, content_type="image/png", sha256=sha256_of(content))
    assert [request.method for request, _ in httpserver.log] == ["HEAD"]


def test_a_store_that_names_the_checksum_that_it_found_is_not_asked_for_it(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    path = tmp_path / "asset"
    path.write_bytes(CONTENT)
    checksum = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    named = {"x-amz-checksum-sha256": checksum}
    httpserver.expect_request("/assets/a.png", method="PUT").respond_with_data("", headers=named)
    store_at(httpserver).put("a.png", path, content_type="image/png", sha256=sha256_of(CONTENT))
    assert [request.method for request, _ in httpserver.log] == ["PUT"]


def test_a_large_file_is_sent_in_parts_and_an_upload_that_fails_is_dropped(
    s3_store: S3Store, seaweed: SeaweedServer, tmp_path: Path
) -> None:
    path = tmp_path / "asset"
    path.write_bytes(os.urandom(17 * 1024 * 1024))
    with pytest.raises(WrongBytes):
        s3_store.put("large.png", path, content_type="image/png", sha256="0" * 64)
    client = seaweed.session().client("s3", endpoint_url=seaweed.endpoint)
    assert "Uploads" not in client.list_multipart_uploads(Bucket="assets", Prefix="large.png")
    client.close()


def test_a_bucket_is_made_once(seaweed: SeaweedServer) -> None:
    store = S3Store(f"fresh-{uuid.uuid4()}", endpoint_url=seaweed.endpoint, session=seaweed.session())
    with pytest.raises(StoreRefused, match="there is no such bucket; create it or set DARKROOM_S3_BUCKET"):
        store.check()
    store.ensure_bucket()
    store.ensure_bucket()
    store.check()
    store.close()


def test_a_bucket_of_another_region_is_made_there(httpserver: HTTPServer) -> None:
    bodies: list[bytes] = []

    def create(request: Request) -> Response:
        bodies.append(request.get_data())
        return Response()

    httpserver.expect_request("/assets", method="HEAD").respond_with_data("", status=404)
    httpserver.expect_request("/assets", method="PUT").respond_with_handler(create)
    store_at(httpserver, region="eu-north-1").ensure_bucket()
    assert b"<LocationConstraint>eu-north-1</LocationConstraint>" in bodies[0]


def test_wrong_credentials_are_refused_with_what_to_do(seaweed: SeaweedServer) -> None:
    wrong = S3Store("assets", endpoint_url=seaweed.endpoint, session=seaweed.session(secret_key="wrong"))
    with pytest.raises(StoreRefused, match="check the keys"):
        wrong.check()
    with pytest.raises(StoreRefused, match="bucket assets"):
        wrong.ensure_bucket()
    with pytest.raises(StoreRefused, match="check the keys"):
        wrong.stat("a.png")
    with pytest.raises(StoreRefused, match="bucket assets"), wrong.open("a.png"):
        pass
    wrong.close()


def test_missing_credentials_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    without_credentials(monkeypatch)
    with pytest.raises(StoreRefused, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        S3Store("assets", endpoint_url="http://127.0.0.1:9").check()


def test_a_store_that_is_down_is_reported_within_seconds(tmp_path: Path) -> None:
    path = tmp_path / "asset"
    path.write_bytes(CONTENT)
    store = S3Store("assets", endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}", session=session())
    started = monotonic()
    with pytest.raises(StoreUnavailable, match="the store cannot be reached; check that it runs"):
        store.check()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.put("a.png", path, content_type="image/png", sha256=sha256_of(CONTENT))
    assert monotonic() - started < 20


def test_a_store_in_trouble_is_unavailable(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/assets").respond_with_data("", status=503)
    with pytest.raises(StoreUnavailable, match="HTTP 503"):
        store_at(httpserver).check()


def test_a_body_that_breaks_off_while_it_is_read_is_unavailable() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") as url:
        store = S3Store("assets", endpoint_url=url, session=session())
        with pytest.raises(StoreUnavailable), store.open("a.png") as stream:
            stream.read()


@pytest.mark.parametrize(
    ("after", "error"),
    [
        ({"Content-Length": "1"}, StoreUnavailable),
        ({"Content-Length": str(len(CONTENT)), "x-amz-checksum-sha256": "b3RoZXI="}, WrongBytes),
        (None, StoreUnavailable),
    ],
    ids=["another size", "another checksum", "nothing"],
)
def test_an_upload_is_read_back_before_it_counts(
    httpserver: HTTPServer, tmp_path: Path, after: dict[str, str] | None, error: type[Exception]
) -> None:
    path = tmp_path / "asset"
    path.write_bytes(CONTENT)
    head = Response(status=404) if after is None else Response(headers=after)
    httpserver.expect_request("/assets/a.png", method="HEAD").respond_with_response(head)
    httpserver.expect_request("/assets/a.png", method="PUT").respond_with_data("")
    with pytest.raises(error):
        store_at(httpserver).put("a.png", path, content_type="image/png", sha256=sha256_of(CONTENT))


def test_a_store_that_drops_a_checksum_is_trusted_by_size(httpserver: HTTPServer, tmp_path: Path) -> None:
    path = tmp_path / "asset"
    path.write_bytes(CONTENT)
    head = Response(headers={"Content-Length": str(len(CONTENT))})
    httpserver.expect_request("/assets/a.png", method="HEAD").respond_with_response(head)
    httpserver.expect_request("/assets/a.png", method="PUT").respond_with_data("")
    store_at(httpserver).put("a.png", path, content_type="image/png", sha256=sha256_of(CONTENT))
    sent = httpserver.log[0][0].headers
    assert sent["x-amz-checksum-sha256"]
    assert sent["x-amz-content-sha256"] == sha256_of(CONTENT)
