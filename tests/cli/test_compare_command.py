"""``darkroom compare``: the table, the files that it writes, and its picture."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from cli.comparing_chart import picture
from tests.cli.conftest import Darkroom
from tests.support.front import Project
from tests.support.rows import NOON, a_job, an_attempt, keep

KLING_AT_FAL = "fal-ai/kling-video/v3/standard/text-to-video"
LOAD = (80, 80, 100, 120, 130, 130, 140, 140, 140, 140)


def paid(project: Project, nano: int | None, provider: str, endpoint: str, *, sandbox: bool = False) -> None:
    where = {"provider": provider, "endpoint": endpoint, "sandbox": sandbox}
    ended = NOON + timedelta(seconds=42)
    job = a_job(project_id=project.id, status="succeeded", ended_at=ended, **where)
    cost = {"cost_nano": nano, "cost_final": nano is not None, "cost_basis": "billable_units"}
    keep(
        project.runtime, job, an_attempt(job, status="succeeded", phases={"cold_start": 2.0}, **cost, **where)
    )


@pytest.fixture
def both(project: Project) -> Project:
    """Ten generations at a fixed price, and ten whose price went by the load."""
    for tenths in LOAD:
        paid(project, 61_000_000, "linkmodel", "kling-v3")
        paid(project, tenths * 1_000_000, "fal", KLING_AT_FAL)
    return project


@pytest.mark.usefixtures("both")
def test_the_table_says_where_it_is_cheaper_how_sure_that_is_and_how_much_a_month(darkroom: Darkroom) -> None:
    shown = darkroom("compare", "kling-v3", "--monthly", 1000)
    assert shown.code == 0
    ours, theirs = (line for line in shown.out.splitlines() if line.startswith("kling-v3  "))
    for word in ("linkmodel", " 10 ", "$0.061", "0 %", "42.0 s", "$61", "exact"):
        assert word in ours
    for word in ("fal", "$0.08", "$0.13", "$0.14", "75 %", "100 %", "$102.39 to $137.61", "interval"):
        assert word in theirs
    told = "kling-v3 at fal, 1,000 a month: $102.39 to $137.61: 95 % of such months"
    assert told in shown.out
    assert "cheaper at linkmodel: $61 a month at linkmodel against $102.39 to $137.61 at fal" in shown.out


@pytest.mark.usefixtures("both")
def test_all_of_it_is_there_as_json_and_as_csv(darkroom: Darkroom) -> None:
    written = darkroom("compare", "kling-v3", "--csv", "compare.csv", "--json", "--tag", "a:b")
    assert (written.code, written.err, written.json["data"]) == (0, "written to compare.csv\n", [])
    darkroom("compare", "kling-v3", "--csv", "compare.csv", "--kind", "video", "--from", "2026-11-22")
    assert len(Path("compare.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.usefixtures("both")
def test_the_chart_is_a_picture_with_dark_text_on_white(darkroom: Darkroom) -> None:
    drawn = darkroom("compare", "kling-v3", "--monthly", 1000, "--chart", "compare.png")
    # Before the very first picture on a machine, matplotlib may say that it looks for fonts.
    assert (drawn.code, drawn.err.endswith("drawn to compare.png\n")) == (0, True)
    with Image.open("compare.png") as image:
        assert image.format == "PNG"
        assert image.width == 1800
        colours = image.convert("RGB").getcolors(1 << 24) or []
    [(most, background), *_] = sorted(colours, reverse=True)
    assert background == (255, 255, 255)
    assert most > image.width * image.height // 2
    inks = {colour for _, colour in colours}
    assert {(29, 36, 48), (31, 111, 235), (217, 72, 15)} <= inks


@pytest.mark.usefixtures("both")
def test_the_chart_says_in_words_what_it_shows(darkroom: Darkroom) -> None:
    darkroom("compare", "kling-v3", "--monthly", 1000, "--chart", "compare.svg")
    drawn = Path("compare.svg").read_text(encoding="utf-8")
    for words in (
        "What kling-v3 really cost",
        "20 succeeded jobs",
        "One generation, $",
        "1,000 a month, $",
        "always $0.061",
        "min $0.08   median $0.13   max $0.14   (+75 %)",
        "$61 exactly: all payments alike",
        "$102.39 to $137.61, 95 % sure, from 10 payments",
        "linkmodel",
        "v3/standard/text-to-video",
    ):
        assert words in drawn, words


def test_a_chart_of_few_payments_and_doubtful_ones_says_so(darkroom: Darkroom, project: Project) -> None:
    for nano in (5_000_000, 0, None):
        paid(project, nano, "fal", KLING_AT_FAL, sandbox=True)
    for _ in range(5):
        paid(project, 61_000_000, "linkmodel", "kling-v3")
    paid(project, None, "linkmodel", "kling-v3")
    paid(project, None, "linkmodel", "test/unknown")
    drawn = picture(darkroom("compare", "kling-v3", "--json").json, "svg").decode()
    for words in (
        "about $2.50, from too few payments (2)",
        "$61 as far as is known",
        "3 more of unknown cost, left out",
        "fal (sandbox)",
        "on the sandbox",
        "min $0   median $0   max $0.005",
    ):
        assert words in drawn, words
    shown = darkroom("compare", "kling-v3")
    assert "about $2.50" in shown.out
    assert next(line for line in shown.out.splitlines() if "test/unknown" in line).count("unknown") == 6


@pytest.mark.usefixtures("project")
def test_a_chart_of_nothing_says_that(darkroom: Darkroom) -> None:
    drawn = darkroom("compare", "kling-v3", "--chart", "compare.pdf")
    assert "no job of kling-v3 has succeeded at fal yet" in drawn.out
    assert Path("compare.pdf").read_bytes().startswith(b"%PDF")
    found = darkroom("compare", "kling-v3", "--json").json
    assert "nothing known yet" in picture(found, "svg").decode()


def test_long_names_and_dollar_signs_are_drawn_as_they_are(darkroom: Darkroom, project: Project) -> None:
    for number in range(3):
        paid(project, 5, "elsewhere", f"acme/$x^{number}$" + "/long" * 40)
    found = darkroom("compare", "kling-v3", "--json").json
    found["models"] = [f"model-{number}" for number in range(30)]
    with Image.open(BytesIO(picture(found, "png"))) as image:
        assert image.width == 1800
    assert "What model-0, model-1" in picture(found, "svg").decode()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--chart", "compare.jpg"), 2, "--chart cannot be compare.jpg: end it in .png, .svg, .pdf"),
        (("--chart", "absent/compare.png"), 1, "cannot be written: No such file or directory"),
        (("--csv", "absent/compare.csv"), 1, "cannot be written: No such file or directory"),
        (("--from", "today"), 2, "must be a day by UTC"),
    ],
)
def test_what_cannot_be_done_is_said(
    darkroom: Darkroom, arguments: tuple[str, ...], code: int, said: str
) -> None:
    refused = darkroom("compare", "kling-v3", *arguments)
    assert (refused.code, said in refused.err) == (code, True), refused.err
