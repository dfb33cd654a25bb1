"""Results and errors: on standard output, or in a file that is there only once it is whole."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Darkroom
from tests.support.batch_double import BATCH_ID
from tests.support.finished_batches import FinishedBatch, a_batch
from tests.support.front import Project
from tests.support.raw_server import raw_server

SHEET = b'prompt;status;note\r\na kite;mine;"two\r\nlines"\r\na dune;;"a;b"\r\na gull;;\r\n'


@pytest.fixture
def batch(project: Project) -> FinishedBatch:
    made = a_batch(project.runtime, project.id, SHEET, bad_rows=1)
    made.made(0, b"a film")
    made.problem(1)
    failure = {"code": "content_policy", "message": "refused", "provider_code": None, "retryable": False}
    made.job(2, "failed", error=failure)
    return made


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline=""), delimiter=";"))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_results_go_to_standard_output_as_csv(darkroom: Darkroom, batch: FinishedBatch) -> None:
    ended = darkroom("batch", "results", batch.record.id)
    assert ended.code == 0
    header, first, last = rows(ended.out)
    assert header[:5] == ["prompt", "status", "note", "job_id", "darkroom_status"]
    assert (first[2], first[4], last[4]) == ("two\r\nlines", "succeeded", "failed")


def test_results_for_programs_are_a_line_of_json_each(darkroom: Darkroom, batch: FinishedBatch) -> None:
    first, last = lines(darkroom("batch", "results", batch.record.id, "--json").out)
    assert (first["row_number"], first["status"]) == (1, "succeeded")
    assert first["row"] == {"prompt": "a kite", "status": "mine", "note": "two\r\nlines"}
    assert (last["row_number"], last["error_code"]) == (3, "content_policy")


@pytest.mark.parametrize("name", ["out/kites.csv", "out/kites.JSONL"])
def test_results_are_written_to_a_file_as_its_name_says(
    name: str, darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    ended = darkroom("batch", "results", batch.record.id, "--out", tmp_path / name)
    assert (ended.code, ended.err) == (0, "")
    assert f"saved {tmp_path / name}" in ended.out
    text = (tmp_path / name).read_text(encoding="utf-8")
    found = rows(text)[1:] if name.endswith("csv") else lines(text)
    assert len(found) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == [Path(name).name]


def test_programs_are_told_where_the_file_is(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    path = tmp_path / "kites.csv"
    ended = darkroom("batch", "results", batch.record.id, "--out", path, "--json")
    assert ended.json == {"file": str(path), "bytes": path.stat().st_size}


def test_excel_is_given_its_mark_on_request(darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path) -> None:
    for command in ("results", "errors"):
        path = tmp_path / f"{command}.csv"
        darkroom("batch", command, batch.record.id, "--out", path)
        assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
        darkroom("batch", command, batch.record.id, "--bom", "--out", path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_errors_tell_bad_rows_and_failed_jobs(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    shown = darkroom("batch", "errors", batch.record.id).out
    path = tmp_path / "errors.csv"
    assert darkroom("batch", "errors", batch.record.id, "--out", path).code == 0
    with path.open(encoding="utf-8", newline="") as file:
        assert file.read() == shown
    assert [row[6] for row in rows(shown)] == ["code", "out_of_range", "content_policy"]


@pytest.mark.parametrize("options", [[], ["--bom"]])
def test_errors_for_programs_are_a_line_of_json_each(
    options: list[str], darkroom: Darkroom, batch: FinishedBatch
) -> None:
    bad, failed = lines(darkroom("batch", "errors", batch.record.id, "--json", *options).out)
    assert bad == {
        "row_number": 2,
        "line": 4,
        "row": {"prompt": "a dune", "status": "", "note": "a;b"},
        "column": "duration",
        "code": "out_of_range",
        "message": "999 is more than 600",
        "expected": "a whole number of seconds, 1 to 600",
        "job_id": None,
        "status": None,
    }
    assert (failed["row_number"], failed["status"], failed["message"]) == (3, "failed", "refused")


def test_programs_get_what_a_cell_holds_and_no_apostrophe(darkroom: Darkroom, project: Project) -> None:
    made = a_batch(project.runtime, project.id, b"prompt,note\n=1+1,'=2\n-x,@y\n", bad_rows=1)
    made.problem(0, message="=3")
    made.job(1, "failed", error={"code": "content_policy", "message": "+refused"})
    bad, failed = lines(darkroom("batch", "errors", made.record.id, "--json").out)
    assert (bad["row"], bad["message"]) == ({"prompt": "=1+1", "note": "'=2"}, "=3")
    assert (failed["row"], failed["message"]) == ({"prompt": "-x", "note": "@y"}, "+refused")
    assert '"\'=1+1"' in darkroom("batch", "errors", made.record.id).out


def test_errors_are_written_to_a_file_as_its_name_says(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    path = tmp_path / "errors.jsonl"
    assert darkroom("batch", "errors", batch.record.id, "--out", path).code == 0
    assert [line["row_number"] for line in lines(path.read_text(encoding="utf-8"))] == [2, 3]


def test_a_batch_without_errors_has_none(darkroom: Darkroom, project: Project) -> None:
    clean = a_batch(project.runtime, project.id, SHEET)
    ended = darkroom("batch", "errors", clean.record.id, "--json")
    assert (ended.code, ended.out) == (0, "")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("command", "name"), [("results", "kites.xlsx"), ("errors", "errors.txt")])
def test_a_name_that_says_no_format_is_refused(command: str, name: str, darkroom: Darkroom) -> None:
    ended = darkroom("batch", command, BATCH_ID, "--out", name)
    assert ended.code == 2
    assert "name a file that ends in .csv" in ended.err


def test_results_that_break_off_leave_what_was_there(
    darkroom: Darkroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kites.csv"
    path.write_bytes(b"an older one")
    with raw_server(b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n") as url:
        monkeypatch.setenv("DARKROOM_URL", url)
        monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
        ended = darkroom("batch", "results", BATCH_ID, "--out", path)
    assert ended.code == 3
    assert "gave no whole answer" in ended.err
    assert [found.read_bytes() for found in tmp_path.iterdir()] == [b"an older one"]


def test_a_place_that_cannot_be_written_is_said(
    darkroom: Darkroom, batch: FinishedBatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = darkroom("batch", "results", batch.record.id, "--out", tmp_path / "file" / "kites.csv")
    assert ended.code == 2
    assert "cannot be written" in ended.err
