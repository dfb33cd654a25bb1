"""Comparing over HTTP: what was really paid for a model, for each provider, as JSON and as CSV."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import httpx
import pytest

from services.access import Scope
from tests.support.front import Project, new_project
from tests.support.rows import NOON, a_job, an_attempt, keep

PATHS = ("/v1/costs/compare", "/v1/costs/compare.csv")
KLING_AT_FAL = "fal-ai/kling-video/v3/standard/text-to-video"
CENT = 10_000_000


def paid(project: Project, nano: int | None, **fields: Any) -> None:  # noqa: ANN401 - columns
    """A job that succeeded at this cost; ``seconds`` after its submit, ``phases`` as its time went."""
    seconds = fields.pop("seconds", 10.0)
    ours = ("provider", "endpoint", "sandbox")
    theirs = {name: fields.pop(name) for name in ("phases", "cost_basis", "cost_final") if name in fields}
    job = a_job(
        project_id=project.id,
        **({"status": "succeeded", "ended_at": NOON + timedelta(seconds=seconds)} | fields),
    )
    where = {name: fields[name] for name in ours if name in fields}
    known = {"cost_nano": nano, "cost_final": nano is not None, "cost_basis": "provider_price"}
    keep(project.runtime, job, an_attempt(job, status="succeeded", **(known | theirs | where)))


def at_fal(project: Project, nano: int | None, **fields: Any) -> None:  # noqa: ANN401 - columns
    paid(project, nano, **({"provider": "fal", "endpoint": KLING_AT_FAL} | fields))


def compared(client: httpx.Client, **params: Any) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(PATHS[0], params={"model": "kling-v3", **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_comparison_shows_what_was_paid_for_each_provider(project: Project, client: httpx.Client) -> None:
    for number in range(10):
        # It tells when it works, and never that a runner has to start.
        paid(project, 61_000_000, seconds=10 + number, phases={"provider_queue": 0.5, "generation": 9.0})
    for number, cents in enumerate((8, 8, 10, 12, 13, 13, 14, 14, 14, 14)):
        at_fal(project, cents * CENT, phases={"cold_start": 2.5 if number < 3 else 0.2, "generation": 9.0})
    found = compared(client, monthly=1000)
    ours, theirs = found["data"]
    assert (ours["provider"], ours["endpoint"], ours["n"], ours["sandbox"]) == (
        "linkmodel",
        "kling-v3",
        10,
        False,
    )
    assert ours["minimum"] == ours["maximum"] == {"nano_usd": 61_000_000, "usd": "0.061"}
    assert (ours["spread_percent"], ours["cold_start_percent"]) == (0.0, None)
    assert ours["latency"] == {"p50": 14.0, "p95": 19.0}
    assert ours["projected"]["monthly"]["usd"] == ours["projected"]["high"]["usd"] == "61"
    assert ours["projected"]["certainty"] == "exact"
    assert [theirs[name]["usd"] for name in ("minimum", "median", "mean", "maximum")] == [
        "0.08", "0.13", "0.12", "0.14",
    ]  # fmt: skip
    assert (theirs["spread_percent"], theirs["cold_start_percent"]) == (75.0, 30.0)
    assert (theirs["projected"]["monthly"]["usd"], theirs["projected"]["certainty"]) == ("120", "interval")
    low, high = (theirs["projected"][end]["nano_usd"] for end in ("low", "high"))
    assert (round(low, -9), round(high, -9)) == (102 * 10**9, 138 * 10**9)
    assert found["verdicts"] == [
        "kling-v3: cheaper at linkmodel: $61 a month at linkmodel against $102.39 to $137.61 at fal"
    ]
    assert found["advice"] == []


def test_costs_that_are_not_known_or_only_expected_are_counted_and_left_out(
    project: Project, client: httpx.Client
) -> None:
    paid(project, 5)
    paid(project, None)
    paid(project, 7, cost_basis="catalogue")
    paid(project, 5, cost_final=False)
    [row] = compared(client)["data"]
    assert (row["n"], row["unknown"], row["not_final"], row["maximum"]["nano_usd"]) == (2, 2, 1, 5)
    assert row["projected"]["certainty"] == "too_few"


def test_where_no_cost_is_known_none_is_shown(project: Project, client: httpx.Client) -> None:
    paid(project, None)
    found = compared(client)
    [row] = found["data"]
    assert [row[name] for name in ("minimum", "median", "mean", "maximum", "spread_percent")] == [None] * 5
    assert row["projected"]["monthly"] is None
    assert row["projected"]["certainty"] == "unknown"
    assert found["verdicts"] == ["kling-v3: no cost is known yet"]


def test_sums_that_are_wider_than_64_bits_are_exact(project: Project, client: httpx.Client) -> None:
    for _ in range(5):
        paid(project, 2**62)
    [row] = compared(client, monthly=10_000_000)["data"]
    assert row["projected"]["monthly"]["nano_usd"] == 2**62 * 10_000_000
    assert row["mean"]["nano_usd"] == 2**62


def test_only_the_jobs_that_are_asked_for_are_compared(project: Project, client: httpx.Client) -> None:
    paid(project, 5, tags={"client": "a:b"})
    paid(project, 7, kind="image", created_at=NOON - timedelta(days=1))
    paid(project, 9, budgeted_at=NOON + timedelta(days=1))
    paid(project, 11, status="failed")
    asked: list[tuple[dict[str, str], list[int]]] = [
        ({"tag": "client:a:b"}, [5]),
        ({"kind": "image"}, [7]),
        ({"from": "2026-11-23"}, [9]),
        ({"to": "2026-11-21"}, [7]),
        ({"from": "2026-11-22", "to": "2026-11-22"}, [5]),
    ]
    for params, expected in asked:
        rows = compared(client, **params)["data"]
        assert [row["maximum"]["nano_usd"] for row in rows] == expected, params


def test_several_models_stand_in_one_table_in_the_order_asked_for(
    project: Project, client: httpx.Client
) -> None:
    paid(project, 5)
    paid(project, 3, model="gpt-image-2", kind="image", endpoint="gpt-image-2")
    found = compared(client, model=["gpt-image-2", "kling-v3", "gpt-image-2"])
    assert [row["model"] for row in found["data"]] == found["models"] == ["gpt-image-2", "kling-v3"]
    assert len(found["verdicts"]) == 2


def test_ways_of_one_provider_are_told_apart_by_endpoint_and_sandbox(
    project: Project, client: httpx.Client
) -> None:
    for nano, fields in ((5, {}), (6, {"endpoint": "test/other"}), (7, {"sandbox": True})):
        at_fal(project, nano * CENT, **fields)
    found = compared(client)
    assert [(row["endpoint"], row["sandbox"]) for row in found["data"]] == [
        (KLING_AT_FAL, False),
        ("test/other", False),
        (KLING_AT_FAL, True),
    ]
    assert f"fal {KLING_AT_FAL} (sandbox)" in found["verdicts"][0]


def test_without_jobs_it_says_what_to_do(client: httpx.Client) -> None:
    found = compared(client)
    assert (found["data"], found["verdicts"]) == ([], ["kling-v3: no cost is known yet"])
    assert [said.partition(" yet")[0] for said in found["advice"]] == [
        "no job of kling-v3 has succeeded at linkmodel",
        "no job of kling-v3 has succeeded at fal",
    ]
    assert 'send some with "routing": {"provider": "fal"}' in found["advice"][1]


def test_a_model_that_has_no_such_kind_is_not_refused(client: httpx.Client) -> None:
    found = compared(client, kind="image")
    assert found["advice"] == [
        "no job of kling-v3 has succeeded yet, in what was asked for: send some, then compare"
    ]


def test_a_model_that_the_catalogue_has_lost_is_compared_all_the_same(
    project: Project, client: httpx.Client
) -> None:
    paid(project, 5, model="kling-v1")
    assert compared(client, model="kling-v1")["data"][0]["model"] == "kling-v1"


@pytest.mark.parametrize("path", PATHS)
def test_a_model_that_nobody_knows_is_refused_with_what_it_may_have_been(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path, params={"model": "klingv3"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")
    assert "kling-v3" in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "model"),
        ({"model": "kling-v3", "monthly": "0"}, "monthly"),
        ({"model": "kling-v3", "from": "today"}, "must be a day by UTC, like 2026-01-31"),
        ({"model": "kling-v3", "from": "2026-02-01", "to": "2026-01-01"}, "from must not be after to"),
        ({"model": "kling-v3", "month": "5"}, "did you mean monthly?"),
        ({"model": "kling-v3", "tag": "client"}, "must be a tag like client:acme"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(
    client: httpx.Client, path: str, params: dict[str, str], said: str
) -> None:
    answer = client.get(path, params=params)
    assert answer.status_code == 422
    assert said in answer.json()["detail"], answer.text


def test_the_csv_has_the_same_rows_and_no_formulas(project: Project, client: httpx.Client) -> None:
    for _ in range(5):
        paid(project, 61_000_000, model="=1+1")
    at_fal(project, None, model="=1+1")
    answer = client.get(PATHS[1], params={"model": "=1+1", "monthly": "1000"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "comparison.csv" in answer.headers["content-disposition"]
    ours, theirs = csv.DictReader(StringIO(answer.text))
    assert (ours["model"], ours["median_usd"], ours["projected_usd"]) == ("'=1+1", "0.061", "61")
    assert (ours["certainty"], ours["p95_seconds"], ours["spread_percent"]) == ("exact", "10.000", "0.0")
    assert (theirs["n"], theirs["unknown"], theirs["median_usd"], theirs["projected_usd"]) == (
        "0",
        "1",
        "",
        "",
    )


def test_others_see_nothing_of_it_and_a_reader_may_ask(project: Project) -> None:
    paid(project, 5)
    with new_project(project.runtime, project.url).client() as theirs:
        assert compared(theirs)["data"] == []
    with project.client(Scope.READ) as reader:
        assert len(compared(reader)["data"]) == 1
