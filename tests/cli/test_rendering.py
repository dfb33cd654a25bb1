"""Jobs and their cost in words."""

from typing import Any

import pytest

from cli.rendering import cost, facts

PAID = {"nano_usd": 61_000_000, "usd": "0.061", "basis": "provider_price", "final": True}
JOB: dict[str, Any] = {
    "id": "0199",
    "status": "running",
    "error": None,
    "model": "kling-v3",
    "kind": "video",
    "input": {"prompt": "a kite"},
    "provider": "fal",
    "endpoint": "owner/app",
    "sandbox": False,
    "quoted": None,
    "cost": None,
    "latency": {"total": 1.0},
    "created_at": "2026-11-22T12:00:00.000Z",
    "ended_at": None,
    "attempts": [],
    "assets": [],
    "tags": {},
}


@pytest.mark.parametrize(
    ("paid", "words"),
    [
        (PAID, "$0.061 (provider price)"),
        (PAID | {"final": False}, "$0.061 (provider price, not final)"),
        (PAID | {"over_max_cost": True}, "$0.061 (provider price, above its max_cost_usd)"),
        (None, ""),
    ],
)
def test_a_cost_says_what_it_stands_on_and_whether_it_was_to_be_more(
    paid: dict[str, object] | None, words: str
) -> None:
    assert cost(JOB | {"cost": paid}) == words


@pytest.mark.parametrize("why", [None, "first choice by policy cheapest: costs $0.061"])
def test_a_job_says_why_it_runs_where_it_does(why: str | None) -> None:
    told = {str(fact[0]): str(fact[1]) for fact in facts(JOB | {"why": why})}
    assert told.get("why") == why
