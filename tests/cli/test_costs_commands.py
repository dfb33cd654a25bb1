"""Costs and the audit from the command line."""

from pathlib import Path

import pytest

from tests.cli.conftest import Darkroom
from tests.support.front import Project
from tests.support.rows import a_job
from tests.support.spent import spent

ACME = {"client": "acme"}


def test_costs_are_shown_as_a_table_with_a_total(darkroom: Darkroom, project: Project) -> None:
    spent(project, 61_000_000, tags=ACME)
    spent(project, 80_000_000, tags=ACME)
    shown = darkroom("costs", "--group-by", "tag.client,batch_id")
    assert shown.code == 0
    assert [line.split()[:3] for line in shown.out.splitlines() if "$" in line] == [
        ["acme", "-", "2"],
        ["total", "2", "2"],
    ]
    assert "$0.141" in shown.out
    assert darkroom("costs", "--json").json["data"][0]["group"] == {
        "provider": "linkmodel",
        "model": "kling-v3",
    }


def test_what_nobody_knows_is_said_to_be_unknown(darkroom: Darkroom, project: Project) -> None:
    spent(project, None, tags=ACME)
    shown = darkroom(
        "costs", "--group-by", "", "--from", "2026-11-22", "--to", "2026-11-22", "--tag", "client:acme"
    )
    assert ("unknown" in shown.out, "$0.141" in shown.out) == (True, False)
    assert darkroom("costs", "--from", "2026-11-23", "--json").json["data"] == []


def test_costs_are_written_as_csv(darkroom: Darkroom, project: Project) -> None:
    spent(project, 61_000_000, tags=ACME)
    written = darkroom("costs", "--group-by", "day", "--csv", "costs.csv")
    assert (written.code, written.err) == (0, "written to costs.csv\n")
    assert Path("costs.csv").read_text(encoding="utf-8").splitlines()[1].startswith('"2026-11-22","1"')


@pytest.mark.usefixtures("project")
def test_a_wrong_name_is_refused_with_what_would_be_right(darkroom: Darkroom) -> None:
    refused = darkroom("costs", "--group-by", "provder")
    assert (refused.code, "did you mean provider?" in refused.err) == (2, True)


def test_the_audit_ends_with_1_where_something_does_not_add_up(darkroom: Darkroom, project: Project) -> None:
    spent(project, 61_000_000, tags=ACME)
    good = darkroom("audit")
    assert (good.code, "it adds up" in good.out) == (0, True)
    job = a_job(project_id=project.id, status="succeeded", cost_nano=5)
    with project.runtime.database.work() as session:
        session.add(job)
    bad = darkroom("audit")
    assert (bad.code, "it does not add up" in bad.out) == (1, True)
    assert f"jobs {job.id}: is 5 nano-dollars, should be 0 nano-dollars" in bad.out
    again = darkroom("audit", "--json")
    assert (again.code, again.json["adds_up"]) == (1, False)
