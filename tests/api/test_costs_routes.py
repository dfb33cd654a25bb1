"""Costs over HTTP: in groups, as CSV, and the audit."""

import csv
from io import StringIO
from typing import Any

import httpx
import pytest

from services.access import Scope
from services.costs import grouping
from services.costs.grouping import costs
from services.refusals import Unprocessable
from storage import jobs
from tests.support.booked import question
from tests.support.front import Project, new_project
from tests.support.spent import spent


def costs_of(client: httpx.Client, **params: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get("/v1/costs", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_spent_is_shown_in_groups_and_in_all(project: Project, client: httpx.Client) -> None:
    spent(project, 61_000_000, tags={"client": "acme"})
    spent(project, 80_000_000, tags={"client": "acme"}, provider="fal")
    spent(project, None)
    found = costs_of(client, group_by="tag.client,day")
    acme, other = found["data"]
    assert acme["group"] == {"tag.client": "acme", "day": "2026-11-22"}
    assert (acme["n"], acme["spent"], acme["unknown"]) == (2, {"nano_usd": 141_000_000, "usd": "0.141"}, 0)
    assert other["group"] == {"tag.client": None, "day": "2026-11-22"}
    assert (other["n"], other["spent"], other["unknown"]) == (1, None, 1)
    assert (found["total"]["n"], found["total"]["spent"]["usd"]) == (3, "0.141")
    assert (found["group_by"], found["time_zone"]) == (["tag.client", "day"], "UTC")


def test_without_names_all_is_one_group_and_nothing_is_a_total_of_0(client: httpx.Client) -> None:
    found = costs_of(client)
    assert (found["data"], found["total"]["n"], found["total"]["spent"]["nano_usd"]) == ([], 0, 0)
    assert found["total"]["invoiced"] is None


def test_days_are_included_on_both_sides(project: Project, client: httpx.Client) -> None:
    spent(project, 5)
    day = {"from": "2026-11-22", "to": "2026-11-22"}
    assert costs_of(client, **day)["total"]["n"] == 1
    assert (costs_of(client, **day)["from"], costs_of(client, **day)["to"]) == ("2026-11-22", "2026-11-22")
    assert costs_of(client, **{"from": "2026-11-23"})["total"]["n"] == 0
    assert costs_of(client, to="2026-11-21")["total"]["n"] == 0


def test_only_the_jobs_that_are_asked_for_count(project: Project, client: httpx.Client) -> None:
    spent(project, 5, tags={"client": "a:b"})
    spent(project, 7, model="other", kind="image")
    assert costs_of(client, tag="client:a:b")["total"]["spent"]["nano_usd"] == 5
    assert costs_of(client, model="other", kind="image")["total"]["spent"]["nano_usd"] == 7
    assert costs_of(client, provider="fal")["total"]["n"] == 0
    assert costs_of(client, batch_id="0199aa00-0000-7000-8000-000000000000")["total"]["n"] == 0


def test_the_csv_has_a_row_for_each_group_and_no_formulas(project: Project, client: httpx.Client) -> None:
    spent(project, 61_000_000, tags={"client": "=1+1"})
    spent(project, None)
    answer = client.get("/v1/costs.csv", params={"group_by": "tag.client"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "costs.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [(row["tag.client"], row["n"], row["spent_usd"], row["unknown"]) for row in rows] == [
        ("'=1+1", "1", "0.061", "0"),
        ("", "1", "", "1"),
    ]


@pytest.mark.parametrize("path", ["/v1/costs", "/v1/costs.csv"])
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"group_by": "provder"}, "did you mean provider?"),
        ({"group_by": "day,day"}, "give each name once"),
        ({"from": "yesterday"}, "must be a day by UTC, like 2026-01-31"),
        ({"to": "2026-02-30"}, "must be a day by UTC, like 2026-01-31"),
        ({"to": "2026-01-31T00:00:00Z"}, "must be a day by UTC, like 2026-01-31"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from must not be after to"),
        ({"groupby": "day"}, "did you mean group_by?"),
        ({"tag": "client"}, "must be a tag like client:acme"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(
    client: httpx.Client, path: str, params: dict[str, str], said: str
) -> None:
    answer = client.get(path, params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")
    assert said in answer.json()["detail"]


def test_too_many_groups_are_refused_with_what_to_do(project: Project) -> None:
    for number in range(3):
        spent(project, 5, tags={"order": str(number)})
    asked = question(project.id, "tag.order")
    assert len(costs(project.runtime, asked, most=3)["data"]) == 3
    with pytest.raises(Unprocessable, match="more than 2 groups: ask for fewer days"):
        grouping.costs_csv(project.runtime, asked, most=2)


def test_others_see_nothing_of_it_and_a_reader_may_ask(project: Project) -> None:
    spent(project, 5)
    with new_project(project.runtime, project.url).client() as theirs:
        assert costs_of(theirs)["total"]["n"] == 0
    with project.client(Scope.READ) as reader:
        assert costs_of(reader)["total"]["n"] == 1
        assert reader.get("/v1/costs/audit").status_code == 403


def test_the_audit_names_what_does_not_add_up(project: Project, client: httpx.Client) -> None:
    job = spent(project, 5)
    found = client.get("/v1/costs/audit").json()
    assert (found["object"], found["adds_up"]) == ("audit", True)
    with project.runtime.database.work() as session:
        held = jobs.lock_job(session, job.id)
        assert held is not None
        held.cost_nano = 6
    found = client.get("/v1/costs/audit").json()
    [wrong] = [one for one in found["checks"] if one["wrong"]]
    assert (found["adds_up"], wrong["name"], wrong["wrong"]) == (False, "jobs", 1)
    assert wrong["first"] == [
        {
            "id": str(job.id),
            "is": {"nano_usd": 6, "usd": "0.000000006"},
            "should_be": {"nano_usd": 5, "usd": "0.000000005"},
        }
    ]
