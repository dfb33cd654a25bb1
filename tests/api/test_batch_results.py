"""A batch's results, errors and files over HTTP: each row beside what became of it, whole or visibly torn."""

import csv
import json
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import httpx
import pytest

from api.app import create_app
from domain.sheets.results import OUTCOME_COLUMNS, RowError
from services.access import Scope
from tests.support.finished_batches import FinishedBatch, a_batch, put
from tests.support.front import Project, new_project, running_parts, served
from tests.support.rows import NOON, an_attempt, keep
from tests.support.seaweed import start_seaweed

SHEET = (
    b"\xef\xbb\xbfsku;prompt;Status;duration\r\n"
    b'7;"a kite,\nred";=new;5\r\n'
    b"8;a dune;old;999\r\n"
    b";;;\r\n"
    b"9;a gull;;5\r\n"
    b"10;a boat;;5\r\n"
)
OWN = ["sku", "prompt", "Status", "duration"]
OURS = ["job_id", "darkroom_status", *OUTCOME_COLUMNS[2:]]
VIDEO = bytes(range(256)) * 400


def table(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.reader(StringIO(text, newline=""), delimiter=";"))


@pytest.fixture
def batch(project: Project) -> FinishedBatch:
    """Four rows: one made, one bad, one failed, one that is not read yet."""
    return a_batch(project.runtime, project.id, SHEET, name="Kites/2026", state="reading", read_at=None)


@pytest.fixture
def path(batch: FinishedBatch) -> str:
    return f"/v1/batches/{batch.record.id}"


def test_results_are_the_customers_cells_and_what_became_of_each_row(
    client: httpx.Client, url: str, batch: FinishedBatch, path: str
) -> None:
    made, _ = batch.made(0, VIDEO, b"second", row_id="7")
    batch.problem(1)
    failed = batch.job(2, "failed", error={"code": "content_policy", "message": "=refused"}, provider="fal")
    answer = client.get(f"{path}/results.csv")
    links = " ".join(f"{url}/v1/jobs/{made.id}/assets/{n}" for n in (0, 1))
    kite, gull = ["7", "a kite,\nred", "'=new", "5"], ["9", "a gull", "", "5"]
    assert table(answer) == [
        OWN + OURS,
        [*kite, str(made.id), "succeeded", "linkmodel", "0.305", "0.0", links, "", ""],
        [*gull, str(failed.id), "failed", "fal", "0", "0.0", "", "content_policy", "'=refused"],
    ]
    assert client.get(links.split()[1]).status_code == 307


def test_the_answer_is_a_download_that_nobody_holds_back(client: httpx.Client, path: str) -> None:
    headers = client.get(f"{path}/results.csv").headers
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"] == 'attachment; filename="Kites_2026-results.csv"'
    assert headers["x-accel-buffering"] == "no"
    assert headers["cache-control"] == "no-store"
    assert headers["accept-ranges"] == "none"
    assert "content-length" not in headers


def test_a_byte_order_mark_comes_on_request_only(client: httpx.Client, path: str) -> None:
    for name in ("results.csv", "errors.csv"):
        plain = client.get(f"{path}/{name}").content
        assert plain.startswith(b'"sku"')
        assert client.get(f"{path}/{name}?bom=true").content == b"\xef\xbb\xbf" + plain


def test_json_lines_have_types_and_the_number_of_the_row(
    client: httpx.Client, batch: FinishedBatch, path: str
) -> None:
    job, _ = batch.made(2, VIDEO)
    answer = client.get(f"{path}/results.jsonl")
    assert answer.headers["content-type"] == "application/x-ndjson"
    [line] = [json.loads(line) for line in answer.text.splitlines()]
    assert line["row_number"] == 3
    assert line["row"] == {"sku": "9", "prompt": "a gull", "Status": "", "duration": "5"}
    assert (line["job_id"], line["status"], line["cost_usd"]) == (str(job.id), "succeeded", "0.305")
    assert (line["total_seconds"], line["error_code"]) == (0.0, None)


def test_a_row_shows_what_its_job_shows(client: httpx.Client, batch: FinishedBatch, path: str) -> None:
    waits = batch.job(0)
    between = batch.job(1)
    keep(batch.runtime, an_attempt(between, status="failed", cost_nano=0, ended_at=NOON))
    unknown = batch.job(2, "failed")
    keep(batch.runtime, an_attempt(unknown, status="failed", cost_nano=5, ended_at=NOON))
    keep(batch.runtime, an_attempt(unknown, number=2, status="unknown"))
    never = batch.job(3, "canceled")
    lines = [json.loads(line) for line in client.get(f"{path}/results.jsonl").text.splitlines()]
    assert [line["cost_usd"] for line in lines] == [None, "0", None, "0"]
    for line, job in zip(lines, (waits, between, unknown, never), strict=True):
        view = client.get(f"/v1/jobs/{job.id}").json()
        assert (view["cost"] and view["cost"]["usd"]) == line["cost_usd"]
        assert view["latency"]["total"] == pytest.approx(line["total_seconds"], abs=30)


def test_what_was_erased_is_not_shown_again(client: httpx.Client, batch: FinishedBatch, path: str) -> None:
    job = batch.job(0, "failed", input={})
    [_, row] = table(client.get(f"{path}/results.csv"))
    assert row[:5] == ["", "", "", "", str(job.id)]
    [_, error] = table(client.get(f"{path}/errors.csv"))
    assert error[:5] == ["", "", "", "", "2"]
    assert json.loads(client.get(f"{path}/results.jsonl").text)["row"] == {}


def test_errors_are_bad_rows_a_line_a_problem_and_then_jobs(
    client: httpx.Client, batch: FinishedBatch, path: str
) -> None:
    batch.made(0, VIDEO)
    batch.problem(1)
    batch.problem(1, 1, column_name=None, code="no_offer", message="nobody", expected="somebody")
    failed = batch.job(2, "failed", error={"code": "content_policy", "message": "refused"})
    review = batch.job(3, "review")
    dune, gull, boat = ["8", "a dune", "old", "999"], ["9", "a gull", "", "5"], ["10", "a boat", "", "5"]
    expected = "a whole number of seconds, 1 to 600"
    sentence = "nobody can say yet whether the provider took it: see GET /v1/jobs/{id}/resolve"
    assert table(client.get(f"{path}/errors.csv")) == [
        [*OWN, *RowError._fields[:-1], "darkroom_status"],
        [*dune, "4", "2", "duration", "out_of_range", "999 is more than 600", expected, "", ""],
        [*dune, "4", "2", "", "no_offer", "nobody", "somebody", "", ""],
        [*gull, "6", "3", "", "content_policy", "refused", "", str(failed.id), "failed"],
        [*boat, "7", "4", "", "review", sentence, "", str(review.id), "review"],
    ]
    answer = client.get(f"{path}/errors.jsonl")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["row_number"], line["line"], line["code"], line["status"]) for line in lines] == [
        (2, 4, "out_of_range", None),
        (2, 4, "no_offer", None),
        (3, 6, "content_policy", "failed"),
        (4, 7, "review", "review"),
    ]
    assert lines[0]["row"] == dict(zip(OWN, dune, strict=True))


def test_links_lead_to_where_this_darkroom_is_known(
    project: Project, batch: FinishedBatch, path: str, tmp_path: Path
) -> None:
    batch.made(0, VIDEO)
    with (
        running_parts(project.runtime.database.url, tmp_path, public_url="https://d.example/") as parts,
        served(create_app(parts)) as url,
        Project(parts, url, project.id).client() as client,
    ):
        gone = client.get(f"{path}/results.csv")
        parts.objects.put(
            batch.record.file_key, _file(tmp_path, SHEET), content_type="text/csv", sha256=_hash(SHEET)
        )
        [_, row] = table(client.get(f"{path}/results.csv"))
    assert row[9].startswith("https://d.example/v1/jobs/")
    # Its own store had not got the file at first.
    assert (gone.status_code, gone.json()["code"]) == (503, "store_unavailable")


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name", ["results.csv", "results.jsonl", "errors.csv", "errors.jsonl", "assets.jsonl", "assets.zip"]
)
def test_what_is_anothers_is_not_there(project: Project, client: httpx.Client, name: str) -> None:
    other = a_batch(project.runtime, new_project(project.runtime).id, SHEET)
    for batch_id in (other.record.id, uuid4()):
        answer = client.get(f"/v1/batches/{batch_id}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "name", ["results.csv", "results.jsonl", "errors.csv", "errors.jsonl", "assets.jsonl", "assets.zip"]
)
def test_they_need_a_key_and_take_no_other_parameters(
    anyone: httpx.Client, client: httpx.Client, path: str, name: str
) -> None:
    assert anyone.get(f"{path}/{name}").status_code == 401
    answer = client.get(f"{path}/{name}?bomb=true")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")


def test_a_key_that_may_only_read_is_enough(project: Project, batch: FinishedBatch, path: str) -> None:
    batch.made(0, VIDEO)
    with project.client(Scope.READ) as reader:
        assert reader.get(f"{path}/assets.zip").status_code == 200
        assert len(table(reader.get(f"{path}/results.csv"))) == 2


def test_a_file_that_has_lost_rows_breaks_the_results_off(
    client: httpx.Client, batch: FinishedBatch, path: str
) -> None:
    """Whoever reads them sees that they are not whole."""
    for row in range(3):
        batch.job(row)
    long = SHEET.replace(b"a dune", b"d" * 200_000)
    put(batch.runtime, batch.record.file_key, long[: long.index(b"9;a gull")])
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{path}/results.csv")


def test_results_and_files_come_from_a_bucket_and_say_when_it_is_away(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = start_seaweed(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.secret_key)
    settings = {"s3_bucket": "ready", "s3_endpoint_url": bucket.endpoint}
    try:
        with (
            running_parts(project.runtime.database.url, tmp_path, **settings) as parts,
            served(create_app(parts)) as url,
            Project(parts, url, project.id).client() as client,
        ):
            batch = a_batch(parts, project.id, SHEET)
            batch.made(0, VIDEO)
            path = f"/v1/batches/{batch.record.id}"
            assert table(client.get(f"{path}/results.csv"))[1][5] == "succeeded"
            with ZipFile(BytesIO(client.get(f"{path}/assets.zip").content)) as archive:
                assert archive.read("1/0.mp4") == VIDEO
            bucket.stop()
            for name in ("results.csv", "results.jsonl", "errors.csv", "errors.jsonl", "assets.zip"):
                answer = client.get(f"{path}/{name}")
                assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    finally:
        bucket.stop()
