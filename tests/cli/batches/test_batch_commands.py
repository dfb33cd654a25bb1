"""Listing, showing, pausing, resuming, canceling and retrying batches, on the real API."""

from pathlib import Path

import pytest

from tests.cli.conftest import Darkroom
from tests.support.batch_double import BATCH_ID, BatchDouble, batch_view
from tests.support.finished_batches import a_batch
from tests.support.front import Project

SHEET = b"prompt\na kite\na dune\na gull\n"


def submitted(darkroom: Darkroom, folder: Path, *options: str) -> str:
    sheet = folder / "kites.csv"
    sheet.write_bytes(SHEET)
    ended = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--again", *options, "--json")
    assert ended.code == 0, ended.err
    batch: str = ended.json["id"]
    return batch


@pytest.mark.usefixtures("project")
def test_batches_are_listed_filtered_and_paged(darkroom: Darkroom, tmp_path: Path) -> None:
    older, newer = submitted(darkroom, tmp_path, "--name", "kites"), submitted(darkroom, tmp_path)
    everything = darkroom("batch", "list").out
    assert everything.index(newer) < everything.index(older)
    assert "kites" in everything
    darkroom("batch", "cancel", older)
    assert older not in darkroom("batch", "list", "--state", "reading").out
    first = darkroom("batch", "list", "--limit", 1)
    cursor = first.err.split("--cursor ")[1].strip()
    rest = darkroom("batch", "list", "--limit", 1, "--cursor", cursor, "--json").json
    assert [batch["id"] for batch in rest["data"]] == [older]


def test_a_batch_is_shown_with_its_rows_and_its_money(darkroom: Darkroom, project: Project) -> None:
    quotes = {"kling-v3|fal|kling": {"rows": 2, "unpriced": 1, "low_nano": 10**9, "high_nano": None}}
    batch = a_batch(
        project.runtime,
        project.id,
        SHEET,
        name="kites",
        bad_rows=1,
        read_rows=3,
        budget_nano=5 * 10**9,
        callback_url="http://127.0.0.1:9/hook",
        defaults={"tags": {"client": "acme"}},
        quotes=quotes,
    )
    batch.made(0, b"a film")
    batch.job(1, "failed")
    ended = darkroom("batch", "show", batch.record.id)
    assert ended.code == 0
    for said in (
        "kites",
        "3, 1 of them bad and not run",
        "1 succeeded, 1 failed",
        "$1 and what 1 row of unknown price cost",
        "$5",
        "http://127.0.0.1:9/hook",
        "acme",
    ):
        assert said in ended.out
    assert darkroom("batch", "show", batch.record.id, "--json").json["id"] == str(batch.record.id)


@pytest.mark.parametrize(
    ("seconds", "said"), [(42, "about 42 s"), (125, "about 2 min 05 s"), (4000, "about 1 h 06 min")]
)
def test_a_batch_that_runs_says_when_it_may_be_done(
    seconds: int, said: str, darkroom: Darkroom, double: BatchDouble
) -> None:
    double.stands(batch_view(rate_per_minute=2.5, seconds_left=seconds, sandbox=True))
    shown = darkroom("batch", "show", BATCH_ID).out
    assert said in shown
    assert "2.5 rows a minute" in shown
    assert f"{BATCH_ID} (sandbox)" in shown


@pytest.mark.usefixtures("project")
def test_a_batch_is_paused_and_goes_on_with_another_budget(darkroom: Darkroom, tmp_path: Path) -> None:
    batch = submitted(darkroom, tmp_path, "--budget", "1")
    paused = darkroom("batch", "pause", batch)
    assert paused.code == 0
    assert "paused: nothing more is let out" in paused.out
    again = darkroom("batch", "pause", batch)
    assert again.code == 2
    assert "this one is paused" in again.err
    assert darkroom("batch", "resume", batch, "--budget", "2.50", "--json").json["budget"]["usd"] == "2.5"
    darkroom("batch", "pause", batch)
    assert darkroom("batch", "resume", batch, "--budget", "none", "--json").json["budget"] is None
    darkroom("batch", "pause", batch)
    assert "resumed: its rows are let out again" in darkroom("batch", "resume", batch).out


def test_a_canceled_batch_says_what_that_stopped(darkroom: Darkroom, project: Project) -> None:
    batch = a_batch(project.runtime, project.id, SHEET)
    batch.jobs([0, 1])
    batch.made(2, b"a film")
    ended = darkroom("batch", "cancel", batch.record.id)
    assert ended.code == 0
    assert "2 rows" in ended.out
    assert darkroom("batch", "show", batch.record.id, "--json").json["counts"]["canceled"] == 2


def test_failed_rows_run_again_and_no_others(darkroom: Darkroom, project: Project) -> None:
    batch = a_batch(project.runtime, project.id, SHEET, state="completed")
    plan = [{"provider": "fal", "endpoint": "kling", "high_nano": 5, "exhausted": True}]
    batch.job(0, "failed", plan=plan)
    batch.made(1, b"a film")
    again = darkroom("batch", "retry", batch.record.id, "--json").json
    assert again["done"]["effect"] == "retried"
    assert (again["counts"]["waiting"], again["counts"]["succeeded"]) == (1, 1)
    assert darkroom("batch", "retry", batch.record.id).code == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "command", ["show", "follow", "pause", "resume", "cancel", "retry", "results", "errors", "download"]
)
def test_what_is_not_there_is_code_2(command: str, darkroom: Darkroom) -> None:
    folder = ["files"] if command == "download" else []
    missing = darkroom("batch", command, BATCH_ID, *folder)
    assert (missing.code, missing.out) == (2, "")
    assert f"there is no batch {BATCH_ID}" in missing.err
    malformed = darkroom("batch", command, "../keys", *folder)
    assert malformed.code == 2
    assert "`darkroom batch list`" in malformed.err


@pytest.mark.parametrize("command", ["", "submit", "follow", "results", "errors", "download", "resume"])
def test_every_command_explains_itself(command: str, darkroom: Darkroom) -> None:
    ended = darkroom("batch", *command.split(), "--help")
    assert ended.code == 0
    assert "Usage: darkroom batch" in ended.out
