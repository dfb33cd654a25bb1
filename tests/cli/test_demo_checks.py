"""What the demo checks: each promise can be broken, and then it is named."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.demo.callbacks import check_callbacks
from cli.demo.files import Saved, stored_in
from cli.demo.findings import Finding
from cli.demo.money import Bill, compare
from cli.demo.report import Report
from cli.demo.script import SCENES
from cli.output import Output
from outbound.callbacks import new_secret, sign
from services.settings import Settings

NANO = st.integers(0, 10**12)


def a_job(number: int = 1, nano: int | None = 25_000_000, status: str = "succeeded") -> dict[str, Any]:
    cost = None if nano is None else {"nano_usd": nano, "usd": "", "basis": "provider_price", "final": True}
    return {
        "id": f"job-{number}",
        "status": status,
        "cost": cost,
        "attempts": [{"number": 1, "provider_request_id": f"request-{number}", "cost": cost}],
        "tags": {"scene": f"scene-{number}"},
    }


def line(nano: int, *, final: bool = True) -> dict[str, Any]:
    return {"nano_usd": nano, "final": final}


@given(st.lists(NANO, max_size=6))
def test_the_same_amounts_agree(amounts: list[int]) -> None:
    jobs = [a_job(number, nano) for number, nano in enumerate(amounts)]
    bill = compare(jobs, {f"request-{number}": line(nano) for number, nano in enumerate(amounts)})
    assert bill.finding.kept
    assert bill.ours == bill.theirs == sum(amounts)


@given(NANO, st.sampled_from([-1, 1]))
def test_one_nano_dollar_is_told(nano: int, off: int) -> None:
    bill = compare([a_job(nano=nano + 1)], {"request-1": line(nano + 1 + off)})
    assert not bill.finding.kept
    assert "scene-1: Darkroom says" in bill.finding.deviations[0]


def test_amounts_that_differ_and_sum_up_all_the_same_are_told() -> None:
    bill = compare([a_job(1, 10), a_job(2, 20)], {"request-1": line(20), "request-2": line(10)})
    assert bill.ours == bill.theirs
    assert len(bill.finding.deviations) == 2


@pytest.mark.parametrize(
    ("job", "invoice", "said"),
    [
        (a_job(), {}, "attempt 1 is not on the invoice"),
        (a_job(nano=None), {"request-1": line(0)}, "its cost is not known"),
        (a_job(nano=None), {"request-1": line(5)}, "Darkroom says nothing"),
        (a_job(nano=0), {"request-1": line(0, final=False)}, "so far"),
    ],
)
def test_what_is_missing_is_not_equal(job: dict[str, Any], invoice: dict[str, Any], said: str) -> None:
    assert any(said in deviation for deviation in compare([job], invoice).finding.deviations)


SECRET = new_secret()


def a_callback(body: str, secret: str = SECRET) -> dict[str, Any]:
    headers = sign([secret], "msg_1", datetime.now(UTC), body.encode())
    return {"headers": headers, "body_base64": base64.b64encode(body.encode()).decode()}


GOOD = '{"type": "job.succeeded", "data": {"id": "job-1"}}'


def test_a_callback_whose_signature_holds_and_whose_word_is_true_is_fine() -> None:
    assert check_callbacks([a_callback(GOOD), a_callback(GOOD)], [a_job()], SECRET).kept


def changed() -> dict[str, Any]:
    return a_callback(GOOD) | {"body_base64": base64.b64encode(b"{}").decode()}


# Signed when the test runs: a signature is good for minutes only.
@pytest.mark.parametrize(
    ("received", "said"),
    [
        (list, "no callback came instead of job.succeeded"),
        (lambda: [a_callback(GOOD, new_secret())], "signature does not hold"),
        (lambda: [changed()], "signature does not hold"),
        (lambda: [a_callback(GOOD.replace("succeeded", "failed"))], "job.failed came instead of"),
        (lambda: [a_callback(GOOD.replace("job-1", "job-2"))], "no callback came"),
    ],
)
def test_a_callback_that_is_not_is_told(received: Callable[[], list[dict[str, Any]]], said: str) -> None:
    finding = check_callbacks(received(), [a_job()], SECRET)
    assert any(said in deviation for deviation in finding.deviations)


def test_the_script_shows_both_providers_a_cold_start_and_a_refusal() -> None:
    assert {scene.provider for scene in SCENES} == {"fal", "linkmodel"}
    assert [scene.provider for scene in SCENES if scene.cold] == ["fal"]
    assert sum(scene.refused for scene in SCENES) == 1
    assert len({scene.name for scene in SCENES}) == len(SCENES) == 6


@pytest.mark.parametrize(
    ("refused", "status", "code", "said"),
    [
        (False, "succeeded", None, None),
        (True, "failed", "content_policy", None),
        (False, "failed", "provider_failed", "is failed (provider_failed), not succeeded"),
        (False, "running", None, "is running, not succeeded"),
        (True, "succeeded", None, "is succeeded, not failed (content_policy)"),
        (True, "failed", "provider_failed", "is failed (provider_failed), not failed (content_policy)"),
    ],
)
def test_another_end_than_the_scripts_is_told(
    status: str, code: str | None, said: str | None, *, refused: bool
) -> None:
    scene = next(scene for scene in SCENES if scene.refused == refused)
    found = scene.deviation({"status": status, "error": None if code is None else {"code": code}})
    assert found == (None if said is None else f"{scene.name} {said}")


def test_a_broken_promise_is_shown_with_every_way_it_was_broken(capsys: pytest.CaptureFixture[str]) -> None:
    kept, broken = Finding.of("the sky is up", [None]), Finding.of("water is dry", ["it is wet", None])
    report = Report([], Bill(1, 2, kept), Saved((), kept), "a bucket", [kept, broken])
    assert not report.kept
    report.show(Output())
    shown = capsys.readouterr().out
    assert "ok    the sky is up" in shown
    assert "FAIL  water is dry\n      it is wet" in shown
    assert "nowhere" in shown


def test_where_the_files_lie_is_the_bucket_or_the_folder() -> None:
    assert stored_in(Settings(_env_file=None, s3_bucket="media")) == "the bucket media"
    assert stored_in(Settings(_env_file=None)).endswith("/var/objects")
