"""How jobs look to a customer."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import parse_usd
from services.views import event_view, job_view, money, timestamp
from storage.records import AttemptRecord, JobEventRecord, JobRecord
from tests.support.rows import NOON, a_job, an_asset, an_attempt

NOT_BILLED = {"cost_nano": 0, "cost_basis": "not_billed", "cost_final": True}
BILLED = {"cost_nano": 61_000_000, "cost_basis": "provider_price", "cost_final": True}


def cost_of(job: JobRecord, *attempts: AttemptRecord) -> Any:  # noqa: ANN401 - JSON
    return job_view(job, attempts, [], now=NOON)["cost"]


def test_a_whole_job_as_the_contract_has_it() -> None:
    job = a_job(
        status="succeeded",
        tags={"client": "acme"},
        quoted_nano=70_000_000,
        ended_at=NOON + timedelta(seconds=41, microseconds=820_400),
        sandbox=True,
    )
    phases = {"provider_queue": 4.1, "generation": 24.9004, "download": 0.3}
    attempt = an_attempt(job, status="succeeded", phases=phases, ended_at=job.ended_at, **BILLED)
    asset = an_asset(attempt, width=1280, height=720, duration=Decimal("5.04"), sandbox=True)
    shown = job_view(job, [attempt], [asset], now=NOON + timedelta(days=1))
    assert json.loads(json.dumps(shown)) == shown
    assert shown == {
        "id": str(job.id),
        "object": "job",
        "kind": "video",
        "model": "kling-v3",
        "status": "succeeded",
        "provider": "linkmodel",
        "endpoint": "kling-v3",
        "input": {"prompt": "a red kite"},
        "routing": {"provider": "auto"},
        "why": None,
        "callback_url": None,
        "tags": {"client": "acme"},
        "priority": "normal",
        "batch_id": None,
        "row_id": None,
        "created_at": "2026-11-22T12:00:00.000Z",
        "ended_at": "2026-11-22T12:00:41.820Z",
        "cancel_requested_at": None,
        "erase_requested_at": None,
        "erased_at": None,
        "quoted": {"nano_usd": 70_000_000, "usd": "0.07"},
        "cost": {"nano_usd": 61_000_000, "usd": "0.061", "basis": "provider_price", "final": True},
        "latency": {
            "total": 41.82,
            "queue": 12.52,
            "provider_queue": 4.1,
            "cold_start": None,
            "generation": 24.9,
            "detection": None,
            "download": 0.3,
            "store": None,
        },
        "attempts": [
            {
                "number": 1,
                "provider": "linkmodel",
                "endpoint": "kling-v3",
                "provider_request_id": "request-1",
                "status": "succeeded",
                "cost": {"nano_usd": 61_000_000, "usd": "0.061", "basis": "provider_price", "final": True},
                "invoiced": None,
                "error": None,
                "submitted_at": "2026-11-22T12:00:00.000Z",
                "ended_at": "2026-11-22T12:00:41.820Z",
            }
        ],
        "assets": [
            {
                "url": f"/v1/jobs/{job.id}/assets/0",
                "content_type": "video/mp4",
                "bytes": 1024,
                "sha256": "0" * 64,
                "width": 1280,
                "height": 720,
                "duration": 5.04,
                "sandbox": True,
            }
        ],
        "error": None,
        "sandbox": True,
    }


def test_the_clock_of_an_open_job_stands_at_now() -> None:
    shown = job_view(a_job(), [], [], now=NOON + timedelta(seconds=7))
    assert (shown["latency"]["total"], shown["latency"]["queue"]) == (7.0, 7.0)


def test_a_clock_that_runs_backwards_gives_no_negative_times() -> None:
    shown = job_view(a_job(), [], [], now=NOON - timedelta(seconds=7))
    assert shown["latency"]["total"] == 0.0


@pytest.mark.parametrize("status", ["queued", "submitting", "running", "review"])
def test_the_cost_of_an_open_job_is_not_known(status: str) -> None:
    assert cost_of(a_job(status=status)) is None


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_job_that_was_never_tried_costs_nothing(status: str) -> None:
    assert cost_of(a_job(status=status)) == {
        "nano_usd": 0,
        "usd": "0",
        "basis": "not_billed",
        "final": True,
    }


def test_a_refused_attempt_changes_neither_sum_nor_basis() -> None:
    job = a_job(status="failed")
    billed = an_attempt(job, status="failed", **BILLED)
    refused = an_attempt(job, number=2, status="failed", provider_request_id=None, **NOT_BILLED)
    assert cost_of(job, billed, refused) == {
        "nano_usd": 61_000_000,
        "usd": "0.061",
        "basis": "provider_price",
        "final": True,
    }


def test_a_free_generation_stands_on_the_providers_word() -> None:
    job = a_job(status="failed")
    free = an_attempt(job, status="failed", cost_nano=0, cost_basis="billable_units", cost_final=True)
    refused = an_attempt(job, number=2, status="failed", provider_request_id=None, **NOT_BILLED)
    assert cost_of(job, free, refused)["basis"] == "billable_units"


@pytest.mark.parametrize("status", ["running", "unknown", "failed", "succeeded"])
def test_one_unknown_cost_makes_the_sum_unknown_and_never_zero(status: str) -> None:
    job = a_job(status="running")
    known = an_attempt(job, status="failed", **BILLED)
    assert cost_of(job, known, an_attempt(job, number=2, status=status)) is None


def test_a_sum_is_final_only_if_every_part_is() -> None:
    job = a_job(status="succeeded")
    first = an_attempt(job, status="failed", **BILLED)
    second = an_attempt(job, number=2, cost_nano=1, cost_basis="catalogue", cost_final=False)
    assert cost_of(job, first, second) == {
        "nano_usd": 61_000_001,
        "usd": "0.061000001",
        "basis": "catalogue",
        "final": False,
    }


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_money_says_the_same_twice(nano: int) -> None:
    shown = money(nano)
    assert shown is not None
    assert parse_usd(shown["usd"]) == shown["nano_usd"] == nano


def test_unknown_money_is_null() -> None:
    assert money(None) is None


@given(st.integers(min_value=-(10**16), max_value=10**17))
def test_a_time_is_told_in_utc_to_the_millisecond(microseconds: int) -> None:
    moment = NOON + timedelta(microseconds=microseconds)
    text = timestamp(moment)
    assert text == timestamp(moment.astimezone(timezone(timedelta(hours=9))))
    assert text is not None
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_step_of_the_timeline() -> None:
    step = JobEventRecord(
        id=7, job_id=a_job().id, type="provider_queue", attempt=1, at=NOON, data={"position": 3}
    )
    assert event_view(step) == {
        "id": "7",
        "type": "provider_queue",
        "at": "2026-11-22T12:00:00.000Z",
        "attempt": 1,
        "data": {"position": 3},
    }


@pytest.mark.parametrize(
    ("ceiling", "flag"), [(None, None), ("0.061", None), ("0.0609", True), ("0.07", None)]
)
def test_a_cost_above_what_the_job_was_to_cost_at_most_is_flagged(
    ceiling: str | None, *, flag: bool | None
) -> None:
    job = a_job(status="succeeded", routing={} if ceiling is None else {"max_cost_usd": ceiling})
    assert cost_of(job, an_attempt(job, **BILLED)).get("over_max_cost") is flag
    assert cost_of(job, an_attempt(job)) is None


def test_a_job_says_why_it_runs_where_it_does() -> None:
    job = a_job(plan=[{"why": "the cheaper"}, {"why": "the other"}], plan_at=1)
    assert job_view(job, [], [], now=NOON)["why"] == "the other"
