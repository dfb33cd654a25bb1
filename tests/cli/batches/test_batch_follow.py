"""Following a batch: where it stands for people, and what it came to as an exit code."""

import _thread
import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from cli.batches.following import follow
from cli.client import Client
from cli.connection import Connection
from cli.errors import Unreachable
from cli.output import Output
from tests.cli.conftest import Darkroom
from tests.support.batch_double import BATCH_ID, BATCH_PATH, BatchDouble, batch_view, problem

COMPLETED = batch_view("completed", counts={"succeeded": 4})


def test_a_batch_that_succeeds_whole_is_code_0(darkroom: Darkroom, double: BatchDouble) -> None:
    double.stands(batch_view(counts={"running": 4}), batch_view(counts={"succeeded": 4}), COMPLETED)
    ended = darkroom("batch", "follow", BATCH_ID)
    assert ended.code == 0
    assert "completed" in ended.out
    assert "4 succeeded" in ended.out
    assert f"`darkroom batch results {BATCH_ID} --out FILE.csv`" in ended.err


def test_programs_get_the_batch_as_it_ended(darkroom: Darkroom, double: BatchDouble) -> None:
    double.stands(batch_view(), COMPLETED)
    ended = darkroom("batch", "follow", BATCH_ID, "--json")
    assert (ended.json, ended.err) == (COMPLETED, "")


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            batch_view("completed", counts={"succeeded": 3, "failed": 1}),
            f"4 rows succeeded; 1 failed. `darkroom batch errors {BATCH_ID}` says why, `darkroom batch retry",
        ),
        (
            batch_view("completed", counts={"succeeded": 3, "review": 1}),
            f"1 in review: a person is needed. `darkroom batch errors {BATCH_ID}` says why\n",
        ),
        (batch_view("completed", counts={"succeeded": 3}, bad_rows=1), "1 bad and not run"),
        (batch_view("canceled", counts={"canceled": 4}), "is canceled: 0 of 4 rows succeeded; 4 canceled"),
        (batch_view("failed", reason="bad rows", bad_rows=1, rows=1), "is failed (bad rows): 0 of 1 row"),
        (
            batch_view("paused", reason="budget", counts={"succeeded": 3, "waiting": 1}),
            f"is paused (budget): 3 of 4 rows succeeded. `darkroom batch resume {BATCH_ID} --budget USD`",
        ),
        (batch_view("paused", reason="on request"), f"`darkroom batch resume {BATCH_ID}` goes on"),
    ],
)
def test_anything_short_of_that_is_code_1_and_says_what_to_do(
    end: dict[str, Any], said: str, darkroom: Darkroom, double: BatchDouble
) -> None:
    double.stands(end)
    ended = darkroom("batch", "follow", BATCH_ID)
    assert ended.code == 1
    assert said in ended.err


def test_what_a_paused_batch_has_sent_is_waited_for(darkroom: Darkroom, double: BatchDouble) -> None:
    paused = batch_view("paused", reason="on request", counts={"running": 1, "waiting": 3})
    rests = batch_view("paused", reason="on request", counts={"succeeded": 1, "waiting": 3})
    double.stands(paused, paused, rests)
    assert darkroom("batch", "follow", BATCH_ID, "--json").json == rests


def test_a_restart_of_darkroom_ends_nothing(darkroom: Darkroom, double: BatchDouble) -> None:
    double.stands(batch_view(), problem(503, "it starts"), COMPLETED)
    assert darkroom("batch", "follow", BATCH_ID).code == 0


def test_a_key_that_is_revoked_ends_the_following(darkroom: Darkroom, double: BatchDouble) -> None:
    double.stands(batch_view(), problem(401, "this key was revoked"))
    ended = darkroom("batch", "follow", BATCH_ID)
    assert ended.code == 3
    assert "this key was revoked" in ended.err


def test_a_darkroom_that_stays_away_is_said_to_end_nothing(double: BatchDouble) -> None:
    double.stands(problem(503, "it is away"))
    with Client(Connection(double.url, "dk_test", "here")) as client, pytest.raises(Unreachable) as away:
        follow(client, batch_view(), Output(), away_seconds=0.0)
    assert f"the batch goes on: `darkroom batch follow {BATCH_ID}`" in str(away.value)


@pytest.mark.parametrize("lively", [False, True])
def test_only_people_are_shown_how_far_it_is(
    darkroom: Darkroom, double: BatchDouble, monkeypatch: pytest.MonkeyPatch, *, lively: bool
) -> None:
    if lively:
        monkeypatch.setenv("FORCE_COLOR", "1")
    halfway = batch_view(counts={"succeeded": 1, "failed": 1}, rate_per_minute=2.5, seconds_left=4000)
    double.stands(halfway, halfway, halfway, COMPLETED)
    shown = darkroom("batch", "follow", BATCH_ID).err
    for said in ("$1 spent", "1 failed", "2.5/min", "1 h 06 min left", "2/4"):
        assert (said in shown) == lively


def test_an_interruption_leaves_the_batch_and_says_how_to_follow_it_again(
    darkroom: Darkroom, double: BatchDouble
) -> None:
    answers = [batch_view()]

    def answer(_: Request) -> Response:
        if not answers:
            _thread.interrupt_main()
        return Response(json.dumps(answers.pop() if answers else batch_view()))

    double.server.expect_request(BATCH_PATH).respond_with_handler(answer)
    ended = darkroom("batch", "follow", BATCH_ID)
    assert ended.code == 130
    assert f"the batch goes on: `darkroom batch follow {BATCH_ID}` shows it again" in ended.err


def test_a_submitted_batch_can_be_followed_at_once(
    darkroom: Darkroom, double: BatchDouble, tmp_path: Path
) -> None:
    sheet = tmp_path / "kites.csv"
    sheet.write_text("prompt\na kite\n", encoding="utf-8")
    double.server.expect_request("/v1/batches", method="POST").respond_with_json(batch_view(), 202)
    double.stands(COMPLETED)
    ended = darkroom("batch", "submit", sheet, "--follow", "--json")
    assert (ended.code, ended.json) == (0, COMPLETED)
