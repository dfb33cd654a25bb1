"""A job's files: the link that is signed for them, and the bytes behind it."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from api.app import create_app
from storage.objects.keys import object_key
from tests.support.credentials import without_credentials
from tests.support.front import Project, running_parts, served
from tests.support.rows import NOON, a_job, an_asset, an_attempt, keep
from tests.support.until import until

DATA = bytes(range(256)) * 64


@pytest.fixture
def asset(project: Project, tmp_path: Path) -> str:
    """The address of an asset of a job that has one."""
    job = a_job(project_id=project.id, status="succeeded", ended_at=NOON)
    attempt = an_attempt(job, status="succeeded")
    key = object_key(str(project.id), NOON, job.id, 0, "mp4")
    source = tmp_path / "video"
    source.write_bytes(DATA)
    digest = sha256(DATA).hexdigest()
    project.runtime.objects.put(key, source, content_type="video/mp4", sha256=digest)
    keep(project.runtime, job, attempt, an_asset(attempt, key=key, sha256=digest))
    return f"/v1/jobs/{job.id}/assets/0"


@pytest.fixture
def link(client: httpx.Client, asset: str) -> str:
    """Path and query of the link to the asset; its host is that of the settings."""
    parts = urlsplit(client.get(asset).headers["location"])
    return f"{parts.path}?{parts.query}"


def changed(link: str, **parameters: str) -> str:
    path, _, query = link.partition("?")
    return f"{path}?{urlencode(dict(parse_qsl(query)) | parameters)}"


def test_a_file_is_reached_by_a_link_that_needs_no_key(anyone: httpx.Client, link: str) -> None:
    answer = anyone.get(link)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"].startswith("inline; filename=")


def test_the_redirect_itself_is_not_kept(client: httpx.Client, asset: str) -> None:
    answer = client.get(asset)
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")


def test_a_file_can_be_saved_under_a_name(client: httpx.Client, anyone: httpx.Client, asset: str) -> None:
    parts = urlsplit(client.get(asset, params={"disposition": "attachment"}).headers["location"])
    header = anyone.get(f"{parts.path}?{parts.query}").headers["content-disposition"]
    assert header.startswith("attachment; filename=")
    assert header.endswith('-0.mp4"')


def test_a_disposition_that_is_none_is_refused(client: httpx.Client, asset: str) -> None:
    answer = client.get(asset, params={"disposition": "download"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "disposition", "message": "must be 'inline' or 'attachment'"}
    ]


def test_a_file_is_served_in_ranges(anyone: httpx.Client, link: str) -> None:
    part = anyone.get(link, headers={"Range": "bytes=1000-1009"})
    assert (part.status_code, part.content) == (206, DATA[1000:1010])
    assert part.headers["content-range"] == f"bytes 1000-1009/{len(DATA)}"
    beyond = anyone.get(link, headers={"Range": f"bytes={len(DATA)}-"})
    assert beyond.status_code == 416


def test_a_file_can_be_asked_about(anyone: httpx.Client, link: str) -> None:
    answer = anyone.head(link)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(DATA)))


@pytest.mark.parametrize(
    "change", [{"expires": "99999999999"}, {"type": "text/html"}, {"signature": "0"}, {"more": "1"}]
)
def test_a_changed_link_opens_nothing(anyone: httpx.Client, link: str, change: dict[str, str]) -> None:
    answer = anyone.get(changed(link, **change))
    assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid")


@pytest.mark.parametrize("path", ["/files/", "/files/../facts/x", "/files/%2e%2e/x", "/files/%00"])
def test_no_path_leads_out_of_the_store(anyone: httpx.Client, path: str) -> None:
    assert anyone.get(path).status_code in {403, 404}


def test_a_link_runs_out(project: Project, anyone: httpx.Client, asset: str) -> None:
    job_id = asset.split("/")[3]
    key = object_key(str(project.id), NOON, job_id, 0, "mp4")
    text = project.runtime.objects.link(
        key, expires_seconds=1, filename="x.mp4", disposition="inline", content_type="video/mp4"
    )
    parts = urlsplit(text)
    path = f"{parts.path}?{parts.query}"
    until(lambda: anyone.get(path).status_code == 403, "the end of the link")
    assert anyone.get(path).json()["code"] == "link_expired"


def test_a_deleted_file_is_gone(project: Project, anyone: httpx.Client, link: str) -> None:
    project.runtime.objects.delete(urlsplit(link).path.removeprefix("/files/"))
    assert (anyone.get(link).status_code, anyone.get(link).json()["code"]) == (404, "not_found")


def test_a_bucket_serves_its_files_itself(
    project: Project, asset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_credentials(monkeypatch)
    with (
        running_parts(project.runtime.database.url, tmp_path, s3_bucket="media") as parts,
        served(create_app(parts)) as url,
        Project(parts, url, project.id).client() as client,
    ):
        here = client.get("/files/some/key.mp4")
        link = client.get(asset)
    assert (here.status_code, here.json()["code"]) == (404, "not_found")
    assert (link.status_code, link.json()["code"]) == (503, "store_unavailable")
    assert "credentials" in link.json()["detail"].lower()


@pytest.mark.parametrize("n", ["1", "-1", "x", "99999999999999999999"])
def test_a_file_that_is_not_there_is_404(client: httpx.Client, asset: str, n: str) -> None:
    answer = client.get(asset.removesuffix("0") + n)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
