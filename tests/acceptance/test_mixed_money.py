"""Hundreds of mixed jobs at both sandboxes, with all kinds of trouble: the ledger is the invoice, or says so.

``DARKROOM_MIXED_JOBS`` takes another number of jobs, such as 5000; ``DARKROOM_MIXED_SEED`` another mixture.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.lifecycle import JobStatus
from services import again, cancel
from services.costs import auditing
from services.refusals import Refused
from storage.records import AttemptRecord
from tests.support.billed import DAY, Billed, billed

pytestmark = pytest.mark.timeout(3600)

JOBS = int(os.environ.get("DARKROOM_MIXED_JOBS", "200"))
SEED = int(os.environ.get("DARKROOM_MIXED_SEED", "4"))
FAL = {"flux-schnell": {}, "flux-dev": {"size": "1280x720"}, "kling-v3": {"duration": 5}}
LINKMODEL = {"gpt-image-2": {}, "seedream-4.5": {}, "kling-v3": {"duration": 5, "resolution": "720p"}}
BOTH = (
    "",
    "",
    "",
    "",
    "moderation",
    "moderation=charged",
    "fail",
    "slow=5",
    "1:http_500",
    "1:rate_limited=2",
)
FAL_ONLY = (
    *("nsfw", "no_units", "cold=4", "queue=2", "completed_error", "completed_error=422", "start_timeout=2"),
    *(
        "cancel_charged",
        "cancel_ignored",
        "regression",
        "unvalidated_422",
        "1:platform_503",
        "drop_after_accept",
    ),
)
BILLING = (
    *("", "", "", "", "billing_late=900", "billing_unpriced=4000", "billing_discount=10", "billing_split=3"),
    *("billing_corrected=7200", "billing_never", "billing_unpriced"),
)
# What is dropped before it runs, charged all the same, and never told of is known to nobody.
UNTOLD = {("cancel_charged", "billing_never")}
LINKMODEL_ONLY = ("fail=charged", "pending=3", "cancelled", "price_zero", "1:inband_429")
CHANGES = (
    {"fal-ai/flux/schnell": "0.0047", "fal-ai/kling-video/v3/standard/text-to-video": "0.0913"},
    {"fal-ai/flux/dev": "0.0311", "fal-ai/flux/schnell": "0.0029"},
)

# Where the provider does not say what it charged.
NO_WORD = {"unknown", "never_billed", "never_priced"}


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Billed]:
    with billed(database_url, tmp_path, fal_prices={}) as made:
        yield made


def marked(number: int, *scenarios: str) -> str:
    return " ".join([f"kite {number}", *(f"[sandbox:{one}]" for one in scenarios if one)])


def send(here: Billed, dice: random.Random, number: int) -> UUID:
    """One more job, of any kind, with any trouble."""
    if dice.random() < 0.6:
        model, given = dice.choice(list(FAL.items()))
        trouble = dice.choice(BOTH if dice.random() < 0.5 else FAL_ONLY)
        bill = dice.choice(BILLING)
        if (trouble, bill) in UNTOLD:
            bill = ""
        prompt, provider = marked(number, trouble, bill), "fal"
    else:
        model, given = dice.choice(list(LINKMODEL.items()))
        prompt, provider = marked(number, dice.choice((*BOTH, *LINKMODEL_ONLY))), "linkmodel"
    both = dice.random() < 0.2
    routing = {"provider": "auto" if both and model == "kling-v3" else provider, "start_timeout": 30}
    return here.accept(prompt, model, input=given, routing=routing)


def play(here: Billed) -> list[UUID]:
    """All jobs at their ends: some canceled on their way, some that failed run once more."""
    dice = random.Random(SEED)
    ids: list[UUID] = []
    slice_ = max(JOBS // 12, 1)
    while len(ids) < JOBS:
        fresh = [send(here, dice, number) for number in range(len(ids), min(len(ids) + slice_, JOBS))]
        ids += fresh
        if len(ids) > JOBS // 3 and here.sandbox.client.get("/control/settings").json()["fal_prices"] == {}:
            change(here, 0)
        here.turn(dice.choice((1, 20)))
        for job_id in dice.sample(fresh, len(fresh) // 8):
            attempt(here, cancel.cancel, job_id)
        here.turn()
    change(here, 1)
    here.work(seconds=4.0)
    for job_id in ids:
        if here.job(job_id).status == JobStatus.FAILED and dice.random() < 0.3:
            attempt(here, again.retry, job_id)
    here.work(seconds=4.0)
    return ids


def change(here: Billed, number: int) -> None:
    here.sandbox.client.patch("/control/settings", json={"fal_prices": CHANGES[number]}).raise_for_status()


def attempt(here: Billed, what: Any, job_id: UUID) -> None:  # noqa: ANN401 - a use case
    """Do what a customer may ask for too late."""
    try:
        what(here.runtime, project_id=here.project_id, job_id=job_id)
    except Refused:
        return


def spent(here: Billed) -> dict[UUID, int]:
    """What the ledger says of each attempt."""
    with here.runtime.database.work() as session:
        rows = session.connection().execute(
            text(
                "SELECT attempt_id, CAST(sum(nano) AS bigint) AS nano FROM ledger_entries "
                "WHERE kind IN ('settle', 'adjust') GROUP BY attempt_id"
            )
        )
        return {row.attempt_id: row.nano for row in rows}


def all_differences(here: Billed) -> dict[tuple[str, int], str]:
    return {(one["job_id"], one["attempt"]): one["why"] for one in here.differences(limit=100_000)}


def test_the_ledger_is_the_invoice_wherever_the_provider_says_the_price(here: Billed) -> None:
    ids = play(here)
    for after in (120, 600, 3600, DAY, DAY, 2 * DAY, 4 * DAY, 7 * DAY, DAY, DAY):
        here.reconcile(after=after)
    lines, booked, flagged = here.sandbox.invoice(), spent(here), all_differences(here)
    attempts = here.attempts(*ids)
    wrong = [told(one, lines, booked) for one in attempts if differs(one, lines, booked)]
    unflagged = [one for one in wrong if flagged.get((one["job"], one["attempt"])) not in NO_WORD]
    assert unflagged == []
    # Nothing was charged that no attempt stands for, but where the outcome is not known.
    ours = {one.provider_request_id for one in attempts}
    strangers = [line for line in lines.values() if line["request_id"] not in ours and line["nano_usd"]]
    unknown = [one for one in attempts if one.cost_nano is None]
    assert len(strangers) <= len(unknown)
    assert all((str(one.job_id), one.number) in flagged for one in unknown)
    audit = auditing.audit(here.runtime, here.project_id)
    assert [check for check in audit["checks"] if check["wrong"]] == []
    assert {"price", "discount", "several", "never_billed", "never_priced"} <= set(flagged.values())
    seen = Counter(here.job(one).status for one in ids)
    assert {"succeeded", "failed", "canceled"} <= set(seen)
    same = sum(not differs(one, lines, booked) for one in attempts)
    assert same > len(attempts) * 2 // 3


def differs(one: AttemptRecord, lines: dict[str, Any], booked: dict[UUID, int]) -> bool:
    charged = lines.get(str(one.provider_request_id), {"nano_usd": 0})["nano_usd"]
    return one.cost_nano is None or booked.get(one.id, 0) != charged


def told(one: AttemptRecord, lines: dict[str, Any], booked: dict[UUID, int]) -> dict[str, Any]:
    return {
        "job": str(one.job_id),
        "attempt": one.number,
        "provider": one.provider,
        "status": one.status,
        "cost": one.cost_nano,
        "basis": one.cost_basis,
        "final": one.cost_final,
        "booked": booked.get(one.id),
        "charged": lines.get(str(one.provider_request_id), {}).get("nano_usd"),
        "prompt": one.arguments.get("prompt"),
    }
