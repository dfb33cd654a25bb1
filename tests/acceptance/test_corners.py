"""Every corner of both contracts at once, on one stack: each job ends as it should, the money is right."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psycopg
import pytest

from tests.acceptance import (
    fal_ending_cases,
    fal_polling_cases,
    fal_submit_cases,
    linkmodel_cases,
    media_cases,
)
from tests.acceptance.cases import Case
from tests.acceptance.world import ENDED, World
from tests.emulators.fal import Fal
from tests.emulators.invoice import nano
from tests.emulators.linkmodel import LinkModel
from tests.support.postgres import plain

pytestmark = pytest.mark.timeout(400)

CASES = (
    *fal_polling_cases.CASES,
    *fal_ending_cases.CASES,
    *fal_submit_cases.CASES,
    *media_cases.CASES,
    *linkmodel_cases.CASES,
)
_PATIENCE_SECONDS = 200.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case's job as it stood in the end, and what its provider saw of it."""

    job: Mapping[str, Any]
    posts: int
    accepted: tuple[str, ...]
    charged: int


@pytest.fixture(scope="module")
def outcomes(darkroom: World) -> dict[str, Outcome]:
    around = darkroom.emulators
    for case in CASES:
        _emulator(darkroom, case).expect(case.name, *case.plans(around), faults=case.faults)
    ids = {case.name: darkroom.submit(case.request)["id"] for case in CASES}
    deadline = monotonic() + _PATIENCE_SECONDS
    jobs = {name: _waited(darkroom, job_id, deadline) for name, job_id in ids.items()}
    return {case.name: _outcome(darkroom, case, jobs[case.name]) for case in CASES}


def _waited(world: World, job_id: str, deadline: float) -> Mapping[str, Any]:
    job = world.job(job_id)
    while job["status"] not in ENDED and (left := int(deadline - monotonic())) > 0:
        job = world.job(job_id, wait=min(left, 20))
    return job


def _emulator(world: World, case: Case) -> Fal | LinkModel:
    return world.emulators.fal if case.provider == "fal" else world.emulators.linkmodel


def _outcome(world: World, case: Case, job: Mapping[str, Any]) -> Outcome:
    emulator = _emulator(world, case)
    charges = emulator.charges(case.name)
    return Outcome(job, emulator.posts(case.name), tuple(charges), sum(charges.values()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_job_ends_as_it_should(case: Case, outcomes: Mapping[str, Outcome]) -> None:
    job = outcomes[case.name].job
    assert job["status"] in case.status, job
    if job["status"] == "succeeded":
        assert job["error"] is None
        assert len(job["assets"]) >= case.assets
    elif case.codes:
        assert job["error"]["code"] in case.codes, job["error"]
        assert job["error"]["message"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_nothing_is_sent_twice(case: Case, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes[case.name]
    attempts = outcome.job["attempts"]
    assert len(attempts) == outcome.posts
    if case.posts is not None:
        assert outcome.posts == case.posts
    known = [one["provider_request_id"] for one in attempts if one["provider_request_id"]]
    unknown = [one for one in attempts if one["status"] == "unknown"]
    assert set(known) <= set(outcome.accepted)
    assert len(known) <= len(outcome.accepted) <= len(known) + len(unknown)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.billed], ids=lambda case: case.name.replace(" ", "-")
)
def test_the_cost_is_what_the_provider_charges(case: Case, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes[case.name]
    cost = outcome.job["cost"]
    charged = outcome.charged
    assert (0 if cost is None and not outcome.accepted else cost["nano_usd"]) == charged


@pytest.mark.parametrize(
    "name", ["a price of zero", "no price", "units that are not said", "a price in euros", "a price of null"]
)
def test_a_price_that_is_not_said_is_never_taken_for_nothing(
    name: str, outcomes: Mapping[str, Outcome]
) -> None:
    cost = outcomes[name].job["cost"]
    assert cost is None or (cost["nano_usd"] != 0 and not cost["final"])


def test_the_ledger_is_the_invoice(darkroom: World, outcomes: Mapping[str, Outcome]) -> None:
    spent = _booked(darkroom, "settle", "adjust")
    charged = {outcomes[case.name].job["id"]: outcomes[case.name].charged for case in CASES if case.billed}
    assert {job_id: spent.get(job_id, 0) for job_id in charged} == charged
    assert sum(charged.values()) > nano("1")


def test_money_is_held_only_where_the_cost_is_not_known(
    darkroom: World, outcomes: Mapping[str, Outcome]
) -> None:
    held = _booked(darkroom, "reserve", "release")
    for outcome in outcomes.values():
        amount, job = held.get(outcome.job["id"], 0), outcome.job
        if job["cost"] is not None:
            assert amount == 0, job
        elif job["status"] == "review":
            assert amount > 0, job


def _booked(world: World, *kinds: str) -> dict[str, int]:
    """Nano-dollars by job, straight from the ledger's rows."""
    query = "SELECT job_id::text, sum(nano)::bigint FROM ledger_entries WHERE kind = ANY(%s) GROUP BY job_id"
    with psycopg.connect(plain(world.stack.environment["DARKROOM_DATABASE_URL"])) as connection:
        return dict(connection.execute(query, [list(kinds)]).fetchall())


def test_no_contract_was_broken(darkroom: World, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes
    assert darkroom.emulators.violations == []


def test_the_customer_gets_the_very_bytes(darkroom: World, outcomes: Mapping[str, Outcome]) -> None:
    for name in ("the usual way", "a video", "a WebP that says PNG", "a clip of five seconds"):
        asset = outcomes[name].job["assets"][0]
        answer = darkroom.client.get(asset["url"], follow_redirects=True)
        assert (answer.status_code, len(answer.content)) == (200, asset["bytes"])
        assert answer.headers["content-type"] == asset["content_type"]
