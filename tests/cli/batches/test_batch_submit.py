"""A sheet goes in once, with every setting, on the real API; a dry run makes nothing."""

import io
import sys
from pathlib import Path

import pytest

from domain.sheets.limits import MAX_FILE_BYTES
from tests.cli.conftest import Darkroom, Outcome

pytestmark = pytest.mark.usefixtures("project")

SHEET = "row_id,prompt,duration\nsku-1,a kite,5\nsku-2,a dune,10\n"
OPTIONS = (
    "--model kling-v3 --name kites --budget 12.50 --callback-url http://127.0.0.1:9/hook --strict "
    "--priority low --kind video --provider linkmodel --policy predictable --max-cost 3.00 "
    "--set resolution=720p --set extra.cfg_scale=0.5 --tag client=acme --tag n=1"
)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "kites.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


def submitted(darkroom: Darkroom, *arguments: object) -> str:
    ended = darkroom("batch", "submit", *arguments, "--json")
    assert ended.code == 0, ended.err
    batch: str = ended.json["id"]
    return batch


def how_many(darkroom: Darkroom) -> int:
    return len(darkroom("batch", "list", "--json").json["data"])


def test_every_option_reaches_the_batch(darkroom: Darkroom, sheet: Path) -> None:
    batch = darkroom("batch", "submit", sheet, *OPTIONS.split(), "--json").json
    assert (batch["name"], batch["rows"], batch["state"]) == ("kites", 2, "reading")
    assert batch["budget"] == {"nano_usd": 12_500_000_000, "usd": "12.5"}
    assert batch["callback_url"] == "http://127.0.0.1:9/hook"
    assert (batch["strict"], batch["priority"]) == (True, "low")
    assert batch["tags"] == {"client": "acme", "n": "1"}


def test_what_the_rows_do_not_say_comes_from_the_options(darkroom: Darkroom, sheet: Path) -> None:
    tried = darkroom("batch", "submit", sheet, *OPTIONS.split(), "--dry-run", "--json")
    [offer] = tried.json["estimate"]["by_offer"]
    assert (offer["model"], offer["provider"], offer["rows"]) == ("kling-v3", "linkmodel", 2)
    sheet.write_text("prompt\na kite\n", encoding="utf-8")
    model = ("--model", "kling-v3", "--dry-run", "--json")
    short, long = (
        darkroom("batch", "submit", sheet, "--set", f"duration={seconds}", *model).json["estimate"]["high"]
        for seconds in (5, 10)
    )
    assert 0 < short["nano_usd"] < long["nano_usd"]


def test_the_same_command_twice_is_the_same_batch(darkroom: Darkroom, sheet: Path, tmp_path: Path) -> None:
    first = submitted(darkroom, sheet, "--model", "kling-v3")
    again = darkroom("batch", "submit", sheet, "--model", "kling-v3")
    assert again.code == 0
    assert f"submitted before, as batch {first}: --again makes a new one" in again.err
    copy = tmp_path / "copy.csv"
    copy.write_text(SHEET, encoding="utf-8")
    assert submitted(darkroom, copy, "--model", "kling-v3") == first
    assert how_many(darkroom) == 1


def test_other_settings_other_rows_and_again_are_other_batches(darkroom: Darkroom, sheet: Path) -> None:
    first = submitted(darkroom, sheet, "--model", "kling-v3")
    batches = {
        first,
        submitted(darkroom, sheet, "--model", "kling-v3", "--tag", "n=1"),
        submitted(darkroom, sheet, "--model", "kling-v3", "--again"),
        submitted(darkroom, sheet, "--model", "kling-v3", "--again"),
    }
    sheet.write_text(SHEET + "sku-3,a gull,5\n", encoding="utf-8")
    batches.add(submitted(darkroom, sheet, "--model", "kling-v3"))
    assert len(batches) == 5


def test_a_key_of_ones_own_is_for_one_sheet(darkroom: Darkroom, sheet: Path) -> None:
    first = submitted(darkroom, sheet, "--model", "kling-v3", "--key", "mine")
    assert submitted(darkroom, sheet, "--model", "kling-v3", "--key", "mine") == first
    other = darkroom("batch", "submit", sheet, "--model", "flux-dev", "--key", "mine")
    assert other.code == 2
    assert "Idempotency-Key" in other.err


def from_stdin(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, *options: str) -> Outcome:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SHEET.encode())))
    return darkroom("batch", "submit", "-", "--model", "kling-v3", *options, "--json")


def test_standard_input_is_a_sheet_like_any_other(
    darkroom: Darkroom, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = from_stdin(darkroom, monkeypatch).json["id"]
    assert from_stdin(darkroom, monkeypatch).json["id"] == first
    assert submitted(darkroom, sheet, "--model", "kling-v3") == first
    assert from_stdin(darkroom, monkeypatch, "--dry-run").json["good_rows"] == 2


def test_a_batch_that_was_taken_is_shown(darkroom: Darkroom, sheet: Path) -> None:
    ended = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--name", "kites")
    assert ended.code == 0
    assert "kites" in ended.out
    assert "2 (0 read)" in ended.out
    assert "`darkroom batch follow " in ended.err


def test_a_dry_run_prices_the_rows_and_makes_nothing(darkroom: Darkroom, sheet: Path) -> None:
    ended = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--dry-run", "--budget", "1000")
    assert ended.code == 0, ended.err
    assert "2 rows: 2 good, 0 bad" in ended.out
    assert "kling-v3" in ended.out
    assert "all good rows together: $" in ended.out
    assert "that fits the budget of $1000" in ended.out
    tight = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--dry-run", "--budget", "0.01")
    assert "that may be more than the budget of $0.01" in tight.out
    assert how_many(darkroom) == 0


def test_a_dry_run_names_bad_rows_and_is_code_1(darkroom: Darkroom, sheet: Path) -> None:
    bad = "".join(f"bad-{n},a kite,long\n" for n in range(25))
    sheet.write_text(SHEET + bad, encoding="utf-8")
    ended = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--dry-run")
    assert ended.code == 1
    assert "27 rows: 2 good, 25 bad" in ended.out
    assert ended.out.count("bad-") == 20
    assert "bad-0 " in ended.out
    assert "duration" in ended.out
    assert "and 5 more problems: --json shows the first 25" in ended.err
    assert "25 of 27 rows are bad: correct them" in ended.err
    told = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--dry-run", "--json")
    assert told.code == 1
    assert [problem["line"] for problem in told.json["problems"]] == list(range(4, 29))
    assert how_many(darkroom) == 0


def test_a_sheet_without_a_good_row_has_no_price(darkroom: Darkroom, sheet: Path) -> None:
    sheet.write_text("prompt,duration\na kite,long\n", encoding="utf-8")
    ended = darkroom("batch", "submit", sheet, "--model", "kling-v3", "--dry-run")
    assert "1 row: 0 good, 1 bad" in ended.out
    assert "endpoint" not in ended.out


def test_a_price_that_nobody_knows_is_not_called_0(darkroom: Darkroom, sheet: Path) -> None:
    options = ("--model", "fal:someone/unknown", "--kind", "image", "--dry-run", "--budget", "5")
    sheet.write_text("prompt\na kite\n", encoding="utf-8")
    ended = darkroom("batch", "submit", sheet, *options)
    assert ended.code == 0, ended.err
    assert "all good rows together: unknown" in ended.out
    assert "whether that fits the budget of $5 is not known" in ended.out


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (SHEET, ["--set", "prompt=x"], "each row has a prompt of its own"),
        (SHEET, ["--key", "mine", "--again"], "--key and --again do not go together"),
        (SHEET, ["--budget", "lots"], "budget_usd"),
        (SHEET, ["--set", "duraton=5"], "duraton"),
        (SHEET, ["--tag", "client"], "--tag client=acme"),
        (SHEET, ["--priority", "urgent"], "--priority"),
        ("", [], "empty"),
        ("model,prompt\nkling-v3,a \x00 kite\n", [], "line 2"),
    ],
)
def test_wrong_input_is_code_2_and_says_what_would_be_right(
    content: str, options: list[str], said: str, darkroom: Darkroom, sheet: Path
) -> None:
    sheet.write_text(content, encoding="utf-8")
    ended = darkroom("batch", "submit", sheet, *options)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["missing.csv", ".", "/proc/self/mem"])
def test_a_file_that_cannot_be_read_is_code_2(name: str, darkroom: Darkroom) -> None:
    ended = darkroom("batch", "submit", name)
    assert ended.code == 2
    assert "cannot be read" in ended.err


def test_a_sheet_that_is_too_large_is_refused_before_it_is_sent(darkroom: Darkroom, sheet: Path) -> None:
    with sheet.open("r+b") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    ended = darkroom("batch", "submit", sheet)
    assert ended.code == 2
    assert "is larger than the 200 MB that a sheet may have: split it" in ended.err
