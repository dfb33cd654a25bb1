"""Budgets from the command line."""

import pytest

from tests.cli.conftest import Darkroom
from tests.support.finished_batches import a_batch
from tests.support.front import Project


@pytest.mark.usefixtures("project")
def test_a_budget_is_set_listed_and_removed(darkroom: Darkroom) -> None:
    made = darkroom("budgets", "set", "0.40", "--period", "day", "--tag", "client=acme", "--warn-at", "0.8")
    assert (made.code, "client=acme" in made.out) == (0, True)
    [one] = darkroom("budgets", "list", "--json").json["data"]
    assert (one["limit"]["usd"], one["warn_at"]) == ("0.4", "0.8")
    assert "$0.4" in darkroom("budgets", "list").out
    assert darkroom("budgets", "remove", one["id"]).out == f"removed {one['id']}\n"
    assert darkroom("budgets", "set", "1", "--period", "total", "--json").json["scope"] == "project"


@pytest.mark.usefixtures("project")
def test_a_job_beyond_the_budget_is_refused_with_a_sentence(darkroom: Darkroom) -> None:
    darkroom("budgets", "set", "0", "--period", "month")
    refused = darkroom("submit", "kling-v3", "a red kite")
    assert (refused.code, "the budget of the project for the month has 0 of 0 USD left" in refused.err) == (
        2,
        True,
    )


def test_a_batch_s_budget_is_set_and_removed_by_its_id(darkroom: Darkroom, project: Project) -> None:
    batch = a_batch(project.runtime, project.id, b"prompt\na\n", state="running").record.id
    assert "batch" in darkroom("budgets", "set", "5", "--period", "total", "--batch", batch).out
    assert darkroom("budgets", "remove", batch, "--json").json == {"id": str(batch), "removed": True}


def test_a_batch_and_a_tag_do_not_go_together(darkroom: Darkroom) -> None:
    both = darkroom("budgets", "set", "5", "--period", "total", "--batch", "x", "--tag", "a=b")
    assert (both.code, "do not go together" in both.err) == (2, True)
