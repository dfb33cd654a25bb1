"""The audit itself: a sound snapshot passes, and each kind of damage is seen by the check that is for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.audit import CHECKS, audit, table
from tests.chaos.snapshot import Asset, Attempt, Entry, Job, Sent, Snapshot, Submit

_COST, _RESERVE = 305_000_000, 400_000_000


def _bookings(job: str, attempt: str | None, *, settled: int | None, released: bool) -> tuple[Entry, ...]:
    reserve = Entry(job, None, "reserve", _RESERVE)
    settle = () if settled is None else (Entry(job, attempt, "settle", settled),)
    release = (Entry(job, None, "release", -_RESERVE),) if released else ()
    return (reserve, *settle, *release)


def sound() -> Snapshot:
    """One job that succeeded at the second try, one that was refused, one that a person must look at."""
    asset = Asset("job-1", "project/job-1/0.png", 9, "abc", stored=(9, "abc"))
    return Snapshot(
        asked=("t-1", "t-2", "t-3"),
        acknowledged={"t-1": "job-1", "t-2": "job-2", "t-3": "job-3"},
        jobs=(
            Job("job-1", "t-1", "succeeded", callback_url="http://here/t-1", cost_nano=_COST),
            Job("job-2", "t-2", "failed", error="content_policy", cost_nano=0),
            Job("job-3", "t-3", "review", error="outcome_unknown", reserved_nano=_RESERVE),
        ),
        attempts=(
            Attempt("a-1", "job-1", 1, "fal", "failed", "k-1", cost_nano=0),
            Attempt("a-2", "job-1", 2, "fal", "succeeded", "k-2", "r-1", _COST),
            Attempt("a-3", "job-2", 1, "linkmodel", "failed", "k-3", "r-2", 0),
            Attempt("a-4", "job-3", 1, "linkmodel", "unknown", "k-4", exact=False),
        ),
        ledger=(
            *_bookings("job-1", "a-2", settled=_COST, released=True),
            *_bookings("job-2", "a-3", settled=0, released=True),
            *_bookings("job-3", None, settled=None, released=False),
        ),
        assets=(asset,),
        agenda=("job-3",),
        submits=(
            Submit("r-1", "fal", "t-1", _COST, charged=True, made=True),
            Submit("r-2", "linkmodel", "t-2"),
            Submit("r-3", "linkmodel", "t-3", _COST, charged=True, made=True),
        ),
        posts=4,
        sent=(
            Sent("k-1", "refused"),
            Sent("k-2", "accepted"),
            Sent("k-3", "accepted"),
            Sent("k-4", None, died=True),
        ),
        told={"t-1": ("job.succeeded", "job.succeeded")},
        books={"held": (3, 0), "attempts": (4, 0)},
        broken={"kill worker": 2, "submit.after": 1},
        wanted=("kill worker", "submit.after"),
    )


def _job(number: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:  # noqa: ANN401 - any field
    return lambda all_: replace(all_, jobs=_changed(all_.jobs, number, changes))


def _attempt(number: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:  # noqa: ANN401 - any field
    return lambda all_: replace(all_, attempts=_changed(all_.attempts, number, changes))


def _asset(**changes: Any) -> Callable[[Snapshot], Snapshot]:  # noqa: ANN401 - any field
    return lambda all_: replace(all_, assets=_changed(all_.assets, 0, changes))


def _with(**changes: Any) -> Callable[[Snapshot], Snapshot]:  # noqa: ANN401 - any field
    return lambda all_: replace(all_, **changes)


def _and_submit(one: Submit) -> Callable[[Snapshot], Snapshot]:
    return lambda all_: replace(all_, submits=(*all_.submits, one))


def _and_entry(one: Entry) -> Callable[[Snapshot], Snapshot]:
    return lambda all_: replace(all_, ledger=(*all_.ledger, one))


def _changed(rows: Any, number: int, changes: dict[str, Any]) -> Any:  # noqa: ANN401 - rows of any kind
    return (*rows[:number], replace(rows[number], **changes), *rows[number + 1 :])


# The check that must see it, and the damage.
DAMAGE: dict[str, tuple[str, Callable[[Snapshot], Snapshot]]] = {
    "a job is gone": ("every job is there, once", _with(jobs=sound().jobs[1:])),
    "a job is there twice": ("every job is there, once", _with(jobs=(*sound().jobs, sound().jobs[0]))),
    "an acknowledged id is not there": (
        "every job is there, once",
        _with(acknowledged={**sound().acknowledged, "t-1": "job-9"}),
    ),
    "a job was never acknowledged": ("every job is there, once", _with(acknowledged={"t-1": "job-1"})),
    "a job still runs": ("every job has ended or waits in review", _job(1, status="running")),
    "a review says no reason": ("every job has ended or waits in review", _job(2, error=None)),
    "a request has no attempt": (
        "accepted requests = attempts",
        _and_submit(Submit("r-9", "fal", "t-1")),
    ),
    "a request has two attempts": ("accepted requests = attempts", _attempt(0, request_id="r-1")),
    "a request is at no provider": ("accepted requests = attempts", _attempt(1, request_id="r-9")),
    "two are lost behind one unknown": (
        "accepted requests = attempts",
        _and_submit(Submit("r-9", "linkmodel", "t-3")),
    ),
    "more arrived than was begun": ("one POST per attempt", _with(posts=5)),
    "one attempt was sent twice": (
        "one POST per attempt",
        _with(sent=(*sound().sent, Sent("k-2", "accepted"))),
    ),
    "a job was charged twice": (
        "no job is paid twice",
        _and_submit(Submit("r-9", "fal", "t-1", _COST, charged=True, made=True)),
    ),
    "a paid result was given up": ("no paid result is lost", _job(0, status="failed", error="asset_invalid")),
    "a paid result has no file": ("no paid result is lost", _with(assets=())),
    "a paid result has no job": (
        "no paid result is lost",
        _and_submit(Submit("r-9", "fal", "t-9", _COST, charged=True, made=True)),
    ),
    "a nano-dollar too much was booked": ("ledger = invoice", _and_entry(Entry("job-1", "a-2", "settle", 1))),
    "a cost is not the charge": ("ledger = invoice", _attempt(1, cost_nano=_COST - 1)),
    "the provider charged something else": (
        "ledger = invoice",
        _with(submits=(replace(sound().submits[0], nano=_COST + 1), *sound().submits[1:])),
    ),
    "what is unknown counts as free": ("unknown is not free", _job(2, cost_nano=0)),
    "what is unknown is held no more": ("unknown is not free", _job(2, reserved_nano=0)),
    "ledger and job hold differently": ("the ledger adds up", _job(2, reserved_nano=1)),
    "an ended job holds on": (
        "the ledger adds up",
        lambda all_: _job(1, reserved_nano=5)(_and_entry(Entry("job-2", None, "reserve", 5))(all_)),
    ),
    "something negative was spent": ("the ledger adds up", _and_entry(Entry("job-2", "a-3", "adjust", -1))),
    "its own audit finds something": ("darkroom audit finds nothing", _with(books={"held": (3, 1)})),
    "its own audit says nothing": ("darkroom audit finds nothing", _with(books={})),
    "a callback did not arrive": ("every callback arrived, signed", _with(told={})),
    "a callback told something else": (
        "every callback arrived, signed",
        _with(told={"t-1": ("job.failed",)}),
    ),
    "a signature was wrong": ("every callback arrived, signed", _with(unsigned=("event-1",))),
    "the bytes are others": ("object bytes = recorded hash", _asset(stored=(9, "abd"))),
    "the object is not there": ("object bytes = recorded hash", _asset(stored=None)),
    "a success has no file": ("object bytes = recorded hash", _with(assets=())),
    "an ended job is on the agenda": ("nothing is due for what has ended", _with(agenda=("job-1",))),
    "an answer came, and yet it is unknown": (
        "unknown only what was on the wire",
        _with(sent=(*sound().sent[:3], Sent("k-4", "accepted"))),
    ),
    "more is unknown than was lost": (
        "unknown only what was on the wire",
        _with(sent=sound().sent[:3]),
    ),
    "nothing was broken": ("everything was broken", _with(broken={"kill worker": 1})),
}


def test_what_is_sound_passes() -> None:
    assert [finding.name for finding in audit(sound()) if not finding.passed] == []


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(name: str) -> None:
    seen_by, damage = DAMAGE[name]
    failed = {finding.name for finding in audit(damage(sound())) if not finding.passed}
    assert seen_by in failed


def test_every_check_can_fail() -> None:
    assert {seen_by for seen_by, _ in DAMAGE.values()} == set(CHECKS)


@pytest.mark.parametrize("answer", [None, "unknown", "accepted"])
def test_an_answer_that_died_with_its_process_may_be_unknown(answer: str | None) -> None:
    sent = (*sound().sent[:3], Sent("k-4", answer, died=True))
    [finding] = [one for one in audit(replace(sound(), sent=sent)) if one.name.startswith("unknown only")]
    assert finding.passed
    assert finding.numbers == "1 unknown, 1 answers lost, 0 of the unknown never sent"


def test_the_table_shows_every_check_and_what_is_wrong() -> None:
    text = table(audit(_job(1, status="running")(sound())))
    assert [line.split()[0] for line in text.splitlines() if line.startswith(("PASS", "FAIL"))].count(
        "FAIL"
    ) == 1
    assert "t-2 (job-2, running, content_policy) is running" in text
    assert len([line for line in text.splitlines() if not line.startswith(" ")]) == len(CHECKS)
