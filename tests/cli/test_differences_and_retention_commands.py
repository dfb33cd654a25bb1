"""Differences and periods of retention from the command line."""

import pytest

from tests.cli.conftest import Darkroom
from tests.support.different import a_difference
from tests.support.front import Project


def test_differences_are_a_table_of_both_amounts(darkroom: Darkroom, project: Project) -> None:
    job = a_difference(project.runtime, project.id)
    a_difference(project.runtime, project.id, booked=1, invoiced=2, why="price")
    a_difference(project.runtime, project.id, invoiced=None, why="never_billed")
    shown = darkroom("differences")
    assert (shown.code, shown.err) == (0, "")
    newest, dearer, oldest = shown.out.splitlines()[-3:]
    assert oldest.split() == [
        *(str(job.id), "1", "fal", "fal-ai/flux/schnell", "$0.003", "$0.0027", "-$0.0003", "discount"),
        "2026-11-22T12:00:00.000Z",
    ]
    assert "+$0.000000001" in dearer
    assert "never billed" in newest
    assert darkroom("differences", "--from", "2026-11-23", "--json").json["data"] == []
    assert len(darkroom("differences", "--to", "2026-11-22", "--json").json["data"]) == 3


def test_more_differences_than_wanted_are_not_kept_silent(darkroom: Darkroom, project: Project) -> None:
    for _ in range(3):
        a_difference(project.runtime, project.id)
    few = darkroom("differences", "--limit", "2")
    assert (len(few.out.splitlines()), few.err) == (4, "there are more: add --limit 4\n")


@pytest.mark.usefixtures("project")
def test_a_period_is_set_and_what_is_not_named_stays(darkroom: Darkroom) -> None:
    assert "kept for ever" in darkroom("retention", "show").out
    made = darkroom("retention", "set", "--prompts", "30", "--assets", "90", "--json").json
    assert (made["prompt_days"], made["asset_days"]) == (30, 90)
    shown = darkroom("retention", "set", "--assets", "forever").out
    assert ("erased after 30 days" in shown, "kept for ever" in shown) == (True, True)
    assert darkroom("retention", "show", "--json").json["asset_days"] is None


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("given", [(), ("--prompts", "soon"), ("--assets", "-3"), ("--prompts", "9999")])
def test_a_period_that_is_none_is_refused(darkroom: Darkroom, given: tuple[str, ...]) -> None:
    assert darkroom("retention", "set", *given).code == 2
