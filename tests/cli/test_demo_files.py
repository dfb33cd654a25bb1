"""The demo's files: each one is fetched, looked into, and held against what the job says of it."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from cli.client import Client
from cli.connection import Connection
from cli.demo.files import Saved, save
from cli.demo.findings import Finding
from cli.demo.money import Bill
from cli.demo.report import Report
from cli.output import Output


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (4, 3)).save(data, "PNG")
    return data.getvalue()


def a_job(data: bytes, width: int = 4, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    asset = {
        "url": "/v1/jobs/1/assets/0",
        "content_type": "image/png",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": width,
        "height": 3,
        "duration": None,
    }
    job = {
        "id": "1",
        "status": "succeeded",
        "kind": "image",
        "model": "flux-dev",
        "provider": "fal",
        "cost": {"nano_usd": 25_000_000, "usd": "0.025", "basis": "billable_units", "final": True},
        "latency": {"total": 3.25, "queue": 0.25, "cold_start": 2.0, "generation": 1.0, "store": None},
        "assets": [asset],
        "tags": {"scene": "red-kite"},
        "error": None,
    }
    return job | fields


def saved(httpserver: HTTPServer, job: dict[str, Any], data: bytes, folder: Path) -> Saved:
    link = {"Location": httpserver.url_for("/bucket")}
    httpserver.expect_request("/v1/jobs/1/assets/0").respond_with_data("", 307, headers=link)
    httpserver.expect_request("/bucket").respond_with_data(data)
    with Client(Connection(httpserver.url_for("").rstrip("/"), "dk_test", "a test")) as client:
        return save(client, [job], folder, Output())


def test_a_file_that_plays_is_kept_under_its_natural_name(httpserver: HTTPServer, tmp_path: Path) -> None:
    found = saved(httpserver, a_job(picture()), picture(), tmp_path)
    assert found.paths == (tmp_path / "red-kite.png",)
    assert found.finding.kept
    assert found.paths[0].read_bytes() == picture()


@pytest.mark.parametrize(
    ("job", "data", "said"),
    [
        (a_job(picture()), b"other bytes", "it is not kept"),
        (a_job(b"<html>"), b"<html>", "red-kite.png does not play"),
        (a_job(picture(), width=5), picture(), "is image/png of 4x3, the job says image/png of 5x3"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_told(
    job: dict[str, Any], data: bytes, said: str, httpserver: HTTPServer, tmp_path: Path
) -> None:
    [deviation] = saved(httpserver, job, data, tmp_path).finding.deviations
    assert said in deviation


def test_a_job_that_did_not_succeed_has_no_files(httpserver: HTTPServer, tmp_path: Path) -> None:
    assert saved(httpserver, a_job(picture(), status="failed"), picture(), tmp_path).paths == ()


def test_people_see_each_job_with_its_price_and_its_time(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refused = a_job(b"", status="failed", error={"code": "content_policy", "message": "no"})
    kept = Finding.of("all is well", [])
    files = Saved((tmp_path / "red-kite.png",), kept)
    Report([a_job(b""), refused], Bill(50_000_000, 50_000_000, kept), files, "a bucket", [kept]).show(
        Output()
    )
    shown = capsys.readouterr().out
    assert "$0.025 (billable units)" in shown
    assert "3.25 s = queue 0.25 + cold start 2.00 + generation 1.00" in shown
    assert "failed (content_policy)" in shown
    assert "$0.05" in shown
    assert "red-kite.png" in shown
