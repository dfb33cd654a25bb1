"""Processes that are killed at the worst moment: nothing is sent twice, nothing that was paid for is lost."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.cases import FLUX, polls
from tests.acceptance.world import World
from tests.emulators.cdn import sound
from tests.emulators.fal_script import Plan, output, running
from tests.emulators.onpost import OnPost
from tests.emulators.wire import Reply
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)

_SUBMIT = "killed in the middle of a submit"
_DOWNLOAD = "killed in the middle of a download"
_RUNNING = tuple(f"killed while it ran {number}" for number in range(4))
_NOBODY = "accepted while nothing ran"
_PATIENCE_SECONDS = 180.0


def _request(prompt: str) -> dict[str, Any]:
    return {"model": FLUX, "input": {"prompt": prompt}, "routing": {"provider": "fal", "fallback": False}}


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash of everything that works, and the jobs that it met, by prompt."""

    world: World
    ids: dict[str, str]

    def status(self, prompt: str) -> str:
        return self.world.status(self.ids[prompt])

    def job(self, prompt: str) -> dict[str, Any]:
        """The job as it stands once it has come to an end."""
        ended = {"succeeded", "failed", "canceled", "review"}
        until(lambda: self.status(prompt) in ended, f"the end of {prompt}", _PATIENCE_SECONDS)
        return self.world.job(self.ids[prompt])


@pytest.fixture(scope="module")
def crash(darkroom: World) -> Iterator[Crash]:
    """A worker and a watcher killed while jobs stood at every point; both start again by themselves."""
    fal, gate = darkroom.emulators.fal, threading.Event()
    for prompt in _RUNNING:
        fal.expect(prompt, *polls(running(), open_ended=True)(darkroom.emulators))
    fal.expect(_SUBMIT, *polls()(darkroom.emulators), faults=(OnPost(taken=True, hold=gate),))
    fal.expect(_DOWNLOAD, _slow_to_download(darkroom, gate))
    ids = {prompt: darkroom.submit(_request(prompt))["id"] for prompt in _RUNNING}
    found = Crash(darkroom, ids)
    until(lambda: all(found.status(prompt) == "running" for prompt in _RUNNING), "four submits", 90)
    ids.update({prompt: darkroom.submit(_request(prompt))["id"] for prompt in (_SUBMIT, _DOWNLOAD)})
    until(lambda: fal.posts(_SUBMIT) == 1, "the submit", 60)
    until(lambda: found.status(_DOWNLOAD) == "storing" and _asked_for(darkroom), "the download", 60)
    darkroom.kill("watcher")
    darkroom.kill("worker")
    darkroom.kill("submits")
    ids[_NOBODY] = darkroom.submit(_request(_NOBODY))["id"]
    for prompt in _RUNNING:
        fal.complete(fal.accepted(prompt)[0])
    gate.set()
    yield found
    # A held answer would hold the emulator's thread.
    gate.set()


def _slow_to_download(world: World, gate: threading.Event) -> Plan:
    whole = sound("PNG")
    url = world.emulators.cdn.put(Reply(200, whole.body, whole.headers, hold=gate), whole, name="slow.png")
    return Plan((output(world.emulators.fal.images(url)),), steps=())


def _asked_for(world: World) -> bool:
    return any(request.path.endswith("/slow.png") for request in world.emulators.cdn.server.log)


def test_a_download_cut_short_is_fetched_again_and_not_made_again(crash: Crash) -> None:
    job = crash.job(_DOWNLOAD)
    assert job["status"] == "succeeded"
    assert job["assets"][0]["bytes"] == len(sound("PNG").body)
    assert crash.world.emulators.fal.posts(_DOWNLOAD) == 1


@pytest.mark.parametrize("prompt", _RUNNING)
def test_what_ran_at_the_provider_is_collected_after_the_crash(crash: Crash, prompt: str) -> None:
    assert crash.job(prompt)["status"] == "succeeded"
    assert crash.world.emulators.fal.posts(prompt) == 1


def test_what_is_accepted_while_nothing_runs_runs_later(crash: Crash) -> None:
    assert crash.job(_NOBODY)["status"] == "succeeded"
    assert crash.world.emulators.fal.posts(_NOBODY) == 1


def test_a_submit_cut_short_waits_for_a_person_and_is_never_sent_again(crash: Crash) -> None:
    job = crash.job(_SUBMIT)
    assert (job["status"], job["error"]["code"]) == ("review", "outcome_unknown")
    assert [one["status"] for one in job["attempts"]] == ["unknown"]
    assert job["cost"] is None
    assert crash.world.emulators.fal.posts(_SUBMIT) == 1


def test_a_provider_that_is_not_there_is_waited_for(darkroom: World) -> None:
    fal, prompt = darkroom.emulators.fal, "sent to a closed door"
    with fal.server.away():
        job = darkroom.submit(_request(prompt))
        until(lambda: len(darkroom.job(job["id"])["attempts"]) >= 2, "two tries without a connection", 60)
        assert darkroom.status(job["id"]) not in {"failed", "review"}
    until(lambda: darkroom.status(job["id"]) == "succeeded", "the end of the job", 100)
    assert (fal.posts(prompt), len(fal.accepted(prompt))) == (1, 1)
