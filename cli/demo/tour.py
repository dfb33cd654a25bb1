"""The demo from beginning to end: send, follow, check, show; it succeeds only if all is as promised."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.client import Client
from cli.configuration import read_settings
from cli.demo.callbacks import await_callbacks, check_callbacks, signing_secret
from cli.demo.files import save, stored_in
from cli.demo.findings import Finding
from cli.demo.ground import Ground, ground
from cli.demo.money import compare
from cli.demo.progress import follow
from cli.demo.report import Report
from cli.demo.script import SCENES, Scene
from cli.demo.truth import Truth
from cli.errors import FAILED
from cli.output import Output
from cli.submit import send_once

Job = dict[str, Any]
_REPLAYED: Final = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class _Sent:
    """The jobs as they were taken, and what came of sending the first one twice."""

    jobs: list[Job]
    again: Job
    replayed: bool


def demo(output: Output) -> int:
    """Play the demo; the exit code.

    Raises:
        CliError: it could not be played to its end.
    """
    with (
        ground(read_settings(), output) as place,
        Client(place.connection) as client,
        Truth(place.sandbox_url) as truth,
    ):
        report = _play(client, truth, place, output)
    report.show(output)
    return 0 if report.kept else FAILED


def _play(client: Client, truth: Truth, place: Ground, output: Output) -> Report:
    truth.insist()
    run = uuid.uuid4().hex[:12]
    earlier = len(truth.submits())
    sent = _send(client, truth.callback_url(f"demo-{run}"), run)
    output.note(f"{len(sent.jobs)} jobs are on their way: four images and two videos, over both providers")
    jobs = follow(client, sent.jobs, output, place.check)
    received = await_callbacks(truth, f"demo-{run}", len(jobs))
    bill = compare(jobs, truth.invoice())
    saved = save(client, jobs, place.settings.data_dir / "demo", output)
    findings = [
        _ends(jobs),
        _one_for_two(sent, truth.submits()[earlier:]),
        _cold_start(jobs),
        saved.finding,
        check_callbacks(received, jobs, signing_secret(place.settings, client)),
        bill.finding,
    ]
    return Report(jobs, bill, saved, stored_in(place.settings), findings)


def _send(client: Client, callback_url: str, run: str) -> _Sent:
    """Send every scene under a key of its own, and the first one twice, as after a lost answer."""
    bodies = [scene.request(callback_url, run) for scene in SCENES]
    jobs = [
        send_once(client, body, _key(run, scene)).body for scene, body in zip(SCENES, bodies, strict=True)
    ]
    again = send_once(client, bodies[0], _key(run, SCENES[0]))
    return _Sent(jobs, again.body, again.headers.get(_REPLAYED) == "true")


def _key(run: str, scene: Scene) -> str:
    return f"demo-{run}-{scene.name}"


def _ends(jobs: Sequence[Job]) -> Finding:
    refused = sum(scene.refused for scene in SCENES)
    promise = f"{len(SCENES) - refused} jobs succeeded and {refused} was refused by the provider's filter"
    ends = [scene.deviation(job) for scene, job in zip(SCENES, jobs, strict=True)]
    real = [f"{job['tags']['scene']} did not run in the sandbox" for job in jobs if not job["sandbox"]]
    return Finding.of(promise, [*ends, *real])


def _one_for_two(sent: _Sent, submits: Iterable[dict[str, Any]]) -> Finding:
    """One job was sent twice: the second answer is the first one, and the provider was asked once."""
    prompts = [submit["arguments"].get("prompt") for submit in submits]
    first = sent.jobs[0]
    asked = prompts.count(SCENES[0].prompt)
    deviations = [
        None if sent.replayed else f"the second answer was not marked {_REPLAYED}",
        None if sent.again["id"] == first["id"] else f"a second job was made: {sent.again['id']}",
        None if asked == 1 else f"the provider was asked {asked} times for {SCENES[0].name}",
    ]
    return Finding.of(f"{SCENES[0].name} was sent twice under one key: one job, one generation", deviations)


def _cold_start(jobs: Sequence[Job]) -> Finding:
    cold = [job for scene, job in zip(SCENES, jobs, strict=True) if scene.cold]
    spent = [job["latency"].get("cold_start") or 0 for job in cold]
    lacking = [
        f"{job['tags']['scene']} shows no cold start, and the sandbox made one"
        for job, seconds in zip(cold, spent, strict=True)
        if seconds <= 0
    ]
    return Finding.of(f"the cold start shows: {', '.join(f'{seconds:.1f} s' for seconds in spent)}", lacking)
