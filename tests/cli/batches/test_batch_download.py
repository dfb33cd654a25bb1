"""Every file of a batch arrives once, whole and where it belongs, and what fails is named."""

import _thread
import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from werkzeug import Request, Response

from api.app import create_app
from cli.batches.made import MadeFile
from cli.batches.transfer import Transfer
from cli.client import Client
from cli.connection import Connection
from cli.errors import Unreachable
from cli.stack.ports import free_port
from services.access import Scope, create_key
from tests.cli.conftest import Darkroom
from tests.support.batch_double import BATCH_ID, BatchDouble, batch_view, job_id
from tests.support.finished_batches import FinishedBatch, a_batch
from tests.support.front import Project, new_project, running_parts, served
from tests.support.raw_server import raw_server

SHEET = b"prompt\n" + b"a kite\n" * 12
FILM = bytes(range(256)) * 2048
PNG = b"a picture"


@pytest.fixture
def project(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A project of the real API, which knows where it is reached: links to files lead there."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running_parts(database_url, tmp_path_factory.mktemp("data"), public_url=url) as runtime,
        served(create_app(runtime), port),
    ):
        made = new_project(runtime, url)
        key = create_key(runtime, project_id=made.id, name="test", scope=Scope.READ)["key"]
        monkeypatch.setenv("DARKROOM_URL", url)
        monkeypatch.setenv("DARKROOM_API_KEY", key)
        yield made


@pytest.fixture
def batch(project: Project) -> FinishedBatch:
    made = a_batch(project.runtime, project.id, SHEET, bad_rows=1)
    made.made(0, FILM, b"second", row_id="../sku:1")
    made.problem(1)
    made.job(2, "failed")
    made.job(3, "running")
    made.made(11, b"=third", row_id="=9")
    return made


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_each_file_lies_under_its_row_and_the_manifest_lists_them(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "films"
    ended = darkroom("batch", "download", batch.record.id, folder)
    assert ended.code == 0, ended.err
    assert f"3 files in {folder}: 3 fetched, 0 there already" in ended.out
    assert "8 rows of the batch not over yet" in ended.err
    found = tree(folder)
    manifest = list(csv.DictReader(found.pop("manifest.csv").decode().splitlines()))
    assert found == {"01-sku_1/0.mp4": FILM, "01-sku_1/1.mp4": b"second", "12-9/0.mp4": b"=third"}
    assert [(one["row"], one["row_id"], one["file"]) for one in manifest] == [
        ("1", "../sku:1", "01-sku_1/0.mp4"),
        ("1", "../sku:1", "01-sku_1/1.mp4"),
        ("12", "'=9", "12-9/0.mp4"),
    ]
    assert manifest[0]["sha256"] == hashlib.sha256(FILM).hexdigest()


def test_again_only_what_is_missing_or_wrong_is_fetched(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    darkroom("batch", "download", batch.record.id, tmp_path)
    before = tree(tmp_path)
    again = darkroom("batch", "download", batch.record.id, tmp_path, "--json").json
    assert (again["files"], again["fetched"], again["kept"]) == (3, 0, 3)
    (tmp_path / "01-sku_1/0.mp4").unlink()
    (tmp_path / "01-sku_1/1.mp4").write_bytes(b"SECOND")
    (tmp_path / "12-9/0.mp4").write_bytes(b"=th")
    (tmp_path / "12-9/0.mp4.part").write_bytes(b"=t")
    mended = darkroom("batch", "download", batch.record.id, tmp_path, "--json").json
    assert (mended["fetched"], mended["kept"], mended["failed"]) == (3, 0, [])
    assert tree(tmp_path) == before


def test_a_file_that_the_store_has_lost_is_named_and_the_others_arrive(
    darkroom: Darkroom, batch: FinishedBatch, project: Project, tmp_path: Path
) -> None:
    lost = batch.made(4, b"lost")[0]
    [path] = project.runtime.settings.data_dir.rglob(f"{lost.id}/0.mp4")
    path.unlink()
    ended = darkroom("batch", "download", batch.record.id, tmp_path, "--json")
    assert ended.code == 1
    assert ended.json["fetched"] == 3
    [failed] = ended.json["failed"]
    assert (failed["file"], failed["job_id"]) == ("05/0.mp4", str(lost.id))
    assert "05/0.mp4" in ended.err
    assert f"1 of 4 files are missing in {tmp_path}: the same command fetches only those" in ended.err


@pytest.fixture
def bucket(double: BatchDouble) -> BatchDouble:
    """A batch that has made one file, which is linked to."""
    double.stands(batch_view("completed", counts={"succeeded": 1}, rows=1))
    double.made({1: PNG})
    double.link(1, f"{double.url}/bucket?signature=secret")
    return double


def test_the_key_stays_here_and_a_passing_fault_is_tried_again(
    darkroom: Darkroom, bucket: BatchDouble, tmp_path: Path
) -> None:
    answers, asked = [Response("busy", 503), Response(PNG[:-1]), Response(PNG)], []

    def serve(request: Request) -> Response:
        asked.append(request.headers.get("Authorization"))
        return answers.pop(0)

    bucket.server.expect_request("/bucket").respond_with_handler(serve)
    assert darkroom("batch", "download", BATCH_ID, tmp_path).code == 0
    assert (tmp_path / "1/0.png").read_bytes() == PNG
    assert asked == [None] * 3


@pytest.mark.parametrize(
    ("data", "said"),
    [(PNG[:-1] + b"E", "it is not kept"), (PNG + b"more", "it is not kept"), (PNG[:-1], "it is not kept")],
)
def test_other_bytes_are_never_kept(
    data: bytes, said: str, darkroom: Darkroom, bucket: BatchDouble, tmp_path: Path
) -> None:
    bucket.server.expect_request("/bucket").respond_with_data(data)
    ended = darkroom("batch", "download", BATCH_ID, tmp_path)
    assert ended.code == 1
    assert said in ended.err
    assert "secret" not in ended.err
    assert list(tree(tmp_path)) == ["manifest.csv"]


@pytest.mark.parametrize(
    ("to", "said"),
    [("/nothing", "the store answered 404"), ("http://127.0.0.1:1/x?s=secret", "broke off (ConnectError)")],
)
def test_a_store_that_has_not_got_it_is_told_without_the_link(
    to: str, said: str, darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=1))
    double.made({1: PNG})
    double.link(1, to)
    double.server.expect_request("/nothing").respond_with_data("no", 404)
    ended = darkroom("batch", "download", BATCH_ID, tmp_path)
    assert ended.code == 1
    assert f"1/0.png (job {job_id(1)}): " in ended.err
    assert said in ended.err
    assert "secret" not in ended.err


def test_after_many_failures_no_more_are_begun(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=300))
    double.made(dict.fromkeys(range(1, 301), PNG))
    gone = {"detail": "the job has no asset 0", "code": "not_found", "errors": []}
    for row in range(1, 301):
        double.server.expect_request(f"/v1/jobs/{job_id(row)}/assets/0").respond_with_json(
            gone, 404, content_type="application/problem+json"
        )
    ended = darkroom("batch", "download", BATCH_ID, tmp_path, "--jobs", 4, "--json")
    assert ended.code == 1
    assert ended.json["files"] == 300
    assert 100 <= len(ended.json["failed"]) < 110
    assert "300 of 300 files are missing" in ended.err


def test_a_darkroom_that_restarts_meanwhile_is_asked_again(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=1))
    double.made({1: PNG})
    answers = [
        Response('{"detail": "it starts"}', 503, content_type="application/problem+json"),
        Response(status=307, headers={"Location": "/bucket"}),
    ]
    double.server.expect_request(f"/v1/jobs/{job_id(1)}/assets/0").respond_with_handler(
        lambda _: answers.pop(0)
    )
    double.server.expect_request("/bucket").respond_with_data(PNG)
    assert darkroom("batch", "download", BATCH_ID, tmp_path).code == 0


def test_a_darkroom_that_is_away_is_not_waited_for_once_all_is_to_stop(
    double: BatchDouble, tmp_path: Path
) -> None:
    stop = Event()
    stop.set()
    file = MadeFile(1, None, job_id(1), "1/0.png", len(PNG), "", "image/png", "/v1/jobs/1/assets/0")
    double.server.expect_request(file.url).respond_with_data("busy", 503)
    with (
        Client(Connection(double.url, "dk_test", "here")) as client,
        Transfer(client, tmp_path, lambda _: None, stop) as transfer,
        pytest.raises(Unreachable),
    ):
        transfer.bring(file)


def test_a_transfer_that_breaks_off_is_begun_again_and_then_told(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=1))
    double.made({1: PNG})
    with raw_server(b"HTTP/1.1 200 -\r\nContent-Length: 9\r\n\r\na pic") as store:
        double.link(1, store)
        ended = darkroom("batch", "download", BATCH_ID, tmp_path)
    assert ended.code == 1
    assert "the transfer broke off (RemoteProtocolError)" in ended.err
    assert list(tree(tmp_path)) == ["manifest.csv"]


def test_a_key_that_is_revoked_meanwhile_ends_it_all(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=1))
    double.made({1: PNG})
    refused = {"detail": "this key was revoked", "errors": []}
    double.server.expect_request(f"/v1/jobs/{job_id(1)}/assets/0").respond_with_json(
        refused, 401, content_type="application/problem+json"
    )
    ended = darkroom("batch", "download", BATCH_ID, tmp_path)
    assert ended.code == 3
    assert "this key was revoked" in ended.err


def test_an_interruption_keeps_what_has_arrived(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    double.stands(batch_view("completed", rows=2))
    double.made({1: PNG, 2: PNG})
    double.link(1, f"{double.url}/first")
    double.link(2, f"{double.url}/second")
    double.server.expect_request("/first").respond_with_data(PNG)

    def interrupt(_: Request) -> Response:
        _thread.interrupt_main()
        return Response("busy", 503)

    double.server.expect_request("/second").respond_with_handler(interrupt)
    ended = darkroom("batch", "download", BATCH_ID, tmp_path, "--jobs", 1)
    assert ended.code == 130
    assert "the same command goes on from there" in ended.err
    assert tree(tmp_path) == {"1/0.png": PNG}


@pytest.mark.usefixtures("bucket")
def test_a_folder_that_cannot_be_written_is_said(darkroom: Darkroom, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = darkroom("batch", "download", BATCH_ID, tmp_path / "file")
    assert ended.code == 2
    assert "cannot be written" in ended.err


@pytest.mark.parametrize("lively", [False, True])
def test_only_people_are_shown_how_far_it_is(
    darkroom: Darkroom,
    bucket: BatchDouble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lively: bool,
) -> None:
    if lively:
        monkeypatch.setenv("FORCE_COLOR", "1")
    bucket.server.expect_request("/bucket").respond_with_data(PNG)
    ended = darkroom("batch", "download", BATCH_ID, tmp_path)
    assert ("1 file " in ended.err) == lively
